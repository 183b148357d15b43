// Package plain is a connection without a client: to prepare keys, to ask the server, and as a base line.
package plain

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

// Conn is a connection that sends commands one after the other.
type Conn struct {
	conn net.Conn
	in   *bufio.Reader
	out  *bufio.Writer
}

// Dial connects.
func Dial(addr string) (*Conn, error) {
	conn, err := net.DialTimeout("tcp", addr, 5*time.Second)
	if err != nil {
		return nil, err
	}
	return &Conn{conn: conn, in: bufio.NewReader(conn), out: bufio.NewWriter(conn)}, nil
}

// Close closes the connection.
func (c *Conn) Close() error { return c.conn.Close() }

// Do sends a command and gives the reply: a line, or a bulk string.
func (c *Conn) Do(args ...string) (string, error) {
	if err := c.Send(args...); err != nil {
		return "", err
	}
	if err := c.out.Flush(); err != nil {
		return "", err
	}
	return c.Receive()
}

// Send writes a command. It may stay in the buffer until Flush.
func (c *Conn) Send(args ...string) error {
	fmt.Fprintf(c.out, "*%d\r\n", len(args))
	for _, arg := range args {
		c.out.WriteByte('$')
		c.out.WriteString(strconv.Itoa(len(arg)))
		c.out.WriteString("\r\n")
		c.out.WriteString(arg)
		if _, err := c.out.WriteString("\r\n"); err != nil {
			return err
		}
	}
	return nil
}

// Flush sends what is in the buffer.
func (c *Conn) Flush() error { return c.out.Flush() }

// Receive reads one reply: a line, or a bulk string.
func (c *Conn) Receive() (string, error) {
	line, err := c.in.ReadString('\n')
	if err != nil {
		return "", err
	}
	line = strings.TrimRight(line, "\r\n")
	switch {
	case strings.HasPrefix(line, "-"):
		return "", fmt.Errorf("the server said: %s", line[1:])
	case strings.HasPrefix(line, "$") && line != "$-1":
		size, err := strconv.Atoi(line[1:])
		if err != nil {
			return "", err
		}
		body := make([]byte, size+2)
		if _, err := io.ReadFull(c.in, body); err != nil {
			return "", err
		}
		return string(body[:size]), nil
	case line == "":
		return "", fmt.Errorf("an empty reply")
	}
	return line[1:], nil
}

// ServerCPU is the processor time that the server has used so far.
func (c *Conn) ServerCPU() (time.Duration, error) {
	info, err := c.Do("INFO", "cpu")
	if err != nil {
		return 0, err
	}
	var seconds float64
	for line := range strings.Lines(info) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		if name == "used_cpu_sys" || name == "used_cpu_user" {
			s, err := strconv.ParseFloat(value, 64)
			if err != nil {
				return 0, fmt.Errorf("INFO's %s: %w", name, err)
			}
			seconds += s
		}
	}
	return time.Duration(seconds * float64(time.Second)), nil
}
