// Command miniredis is a server for tests that lives as long as its input: it prints its address, and ends when its
// standard input does. So it can't outlive the tests that started it.
package main

import (
	"fmt"
	"io"
	"os"

	"github.com/alicebob/miniredis/v2"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "miniredis:", err)
		os.Exit(1)
	}
}

func run() error {
	server, err := miniredis.Run()
	if err != nil {
		return err
	}
	defer server.Close()
	fmt.Println(server.Addr())
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}
