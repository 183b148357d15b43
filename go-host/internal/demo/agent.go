package demo

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"time"
)

// request is a line to the Rust half.
type request struct {
	Step    string `json:"step,omitempty"`
	URL     string `json:"url,omitempty"`
	Key     string `json:"key,omitempty"`
	Value   string `json:"value,omitempty"`
	Count   int    `json:"count,omitempty"`
	Channel string `json:"channel,omitempty"`
	Payload string `json:"payload,omitempty"`
	Expect  string `json:"expect,omitempty"`
	Bytes   int    `json:"bytes,omitempty"`
	Memory  uint64 `json:"memory,omitempty"`
	Go      bool   `json:"go,omitempty"`
}

// answer is a line from it: the end of a step, or with Event something on the way.
type answer struct {
	Event  string  `json:"event"`
	OK     bool    `json:"ok"`
	MS     float64 `json:"ms"`
	Detail string  `json:"detail"`
	Digest string  `json:"digest"`
	Peak   uint64  `json:"peak"`
	Error  string  `json:"error"`
	Kind   string  `json:"kind"`
}

func (a answer) took() time.Duration { return time.Duration(a.MS * float64(time.Millisecond)) }

// agent is the process of the Rust half.
type agent struct {
	command *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Scanner
}

// maxLine bounds a line of the agent's.
const maxLine = 1 << 20

func startAgent(ctx context.Context, path string, errors io.Writer) (*agent, error) {
	command := exec.CommandContext(ctx, path)
	command.Stderr = errors
	in, err := command.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := command.Start(); err != nil {
		return nil, fmt.Errorf("start the Rust half: %w", err)
	}
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, maxLine)
	return &agent{command: command, in: in, out: lines}, nil
}

func (a *agent) send(r request) error {
	line, err := json.Marshal(r)
	if err != nil {
		return err
	}
	_, err = a.in.Write(append(line, '\n'))
	return err
}

func (a *agent) receive() (r answer, err error) {
	if !a.out.Scan() {
		return r, errors.Join(errors.New("the Rust half ended"), a.out.Err())
	}
	if err := json.Unmarshal(a.out.Bytes(), &r); err != nil {
		return r, fmt.Errorf("the Rust half said %.200q: %w", a.out.Text(), err)
	}
	return r, nil
}

// finish waits for the answer that ends a step.
func (a *agent) finish() (answer, error) {
	r, err := a.receive()
	switch {
	case err != nil:
		return r, err
	case r.Event != "":
		return r, fmt.Errorf("the Rust half told of %q out of turn", r.Event)
	case !r.OK && r.Error == "":
		return r, errors.New("the Rust half failed and does not say why")
	case !r.OK:
		return r, errors.New(r.Error)
	}
	return r, nil
}

// do makes a step from request to answer.
func (a *agent) do(r request) (answer, error) {
	if err := a.send(r); err != nil {
		return answer{}, err
	}
	return a.finish()
}

// await waits for something on the way.
func (a *agent) await(event string) error {
	r, err := a.receive()
	if err != nil {
		return err
	}
	if r.Event != event {
		return fmt.Errorf("the Rust half said %+v, where %q was to come", r, event)
	}
	return nil
}

// close lets the process end.
func (a *agent) close() error {
	return errors.Join(a.in.Close(), a.command.Wait())
}
