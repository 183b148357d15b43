package coracle

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// testComponent runs the component that the environment names, if it does: tests of the tests change a byte of it.
func testComponent() Option {
	return func(o *options) {
		if path := os.Getenv("CORACLE_COMPONENT"); path != "" {
			binary, err := os.ReadFile(path)
			if err != nil {
				panic(err)
			}
			o.component = binary
		}
	}
}
