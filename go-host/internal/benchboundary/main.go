// Command benchboundary measures what a command costs at the border of the sandbox, in this host. It prints a table,
// and the same as one line of JSON.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
)

// report is a table that is printed line by line.
type report map[string]any

func (r report) line(what string, value float64, unit string) {
	fmt.Printf("%-34s %12.1f %s\n", what, value, unit)
	r[fmt.Sprintf("%s (%s)", what, unit)] = round(value)
}

func (r report) cost(what string, c cost) {
	fmt.Printf("%-34s %12.1f ns %6.2f allocations\n", what, c.nanoseconds, c.allocations)
	r[what] = map[string]float64{"wazero_ns": round(c.nanoseconds), "allocations": round(c.allocations)}
}

func round(v float64) float64 { return math.Round(v*10) / 10 }

func main() {
	if err := run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	r := report{}
	if err := measureBoundary(ctx, r); err != nil {
		return err
	}
	for _, callers := range []int{1, 64} {
		if err := measureCallers(ctx, r, callers); err != nil {
			return err
		}
	}
	return json.NewEncoder(os.Stdout).Encode(r)
}
