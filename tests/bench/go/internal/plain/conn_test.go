package plain

import (
	"bufio"
	"fmt"
	"strings"
	"testing"
	"time"
)

// scripted is a connection whose server has said all that it will say.
func scripted(replies string, sent *strings.Builder) *Conn {
	return &Conn{in: bufio.NewReader(strings.NewReader(replies)), out: bufio.NewWriter(sent)}
}

func TestDo(t *testing.T) {
	var sent strings.Builder
	c := scripted("+OK\r\n:12\r\n$4\r\na\r\nb\r\n$-1\r\n-ERR no\r\n\r\n", &sent)
	for _, want := range []string{"OK", "12", "a\r\nb", "-1"} {
		if got, err := c.Do("GET", "a key"); got != want || err != nil {
			t.Errorf("%q, %v; want %q", got, err, want)
		}
	}
	if _, err := c.Do("GET", ""); err == nil || !strings.Contains(err.Error(), "ERR no") {
		t.Errorf("an error came as %v", err)
	}
	for range 2 { // an empty line, and the end
		if got, err := c.Receive(); err == nil {
			t.Errorf("nothing came as %q", got)
		}
	}
	if !strings.HasSuffix(sent.String(), "*2\r\n$3\r\nGET\r\n$5\r\na key\r\n*2\r\n$3\r\nGET\r\n$0\r\n\r\n") {
		t.Errorf("sent %q", sent.String())
	}
}

func TestServerCPUAddsUserAndSystemTime(t *testing.T) {
	info := "# CPU\r\nused_cpu_sys:1.5\r\nused_cpu_user:0.25\r\nused_cpu_sys_children:8\r\n"
	c := scripted(fmt.Sprintf("$%d\r\n%s\r\n", len(info), info), &strings.Builder{})
	if got, err := c.ServerCPU(); got != 1750*time.Millisecond || err != nil {
		t.Errorf("%s, %v", got, err)
	}
}
