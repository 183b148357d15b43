package drivers

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

var seeds = flag.String("seeds", "0..150", "the `FROM..TO` of TestSeeds")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// atOnce is how many scripts run at the same time: most of them wait to connect again.
const atOnce = 16

func read[T any](t *testing.T, file string) (v T) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "tests", "drivers", "scripts", file))
	require.NoError(t, err)
	decoder := json.NewDecoder(strings.NewReader(string(text)))
	decoder.DisallowUnknownFields()
	require.NoError(t, decoder.Decode(&v), file)
	return v
}

// totals are what came of many runs.
type totals struct {
	mu     sync.Mutex
	faults map[string]int
	failed []string // with their scripts
}

// runAll runs so many scripts.
func runAll(count uint64, script func(uint64) Script) *totals {
	all := &totals{faults: map[string]int{}}
	var next atomic.Uint64
	var running sync.WaitGroup
	for range atOnce {
		running.Go(func() {
			for at := next.Add(1) - 1; at < count; at = next.Add(1) - 1 {
				s := script(at)
				all.add(&s, Run(&s, at%2 == 1))
			}
		})
	}
	running.Wait()
	return all
}

func (a *totals) add(s *Script, r Report) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for fault, count := range r.Faults {
		a.faults[fault] += count
	}
	if len(r.Violations) > 0 {
		text, _ := json.Marshal(s) // it came from JSON, or could
		a.failed = append(a.failed, fmt.Sprintf("%s: %s\n%s", s.Name, strings.Join(r.Violations, "\n  "), text))
	}
}

// require fails the test if a run failed, and tells of the first.
func (a *totals) require(t *testing.T) {
	t.Helper()
	if len(a.failed) > 0 {
		t.Fatalf("%d failed:\n%s", len(a.failed), strings.Join(a.failed[:min(len(a.failed), 20)], "\n"))
	}
}

func (a *totals) cuts() (n int) {
	for fault, count := range a.faults {
		if strings.HasPrefix(fault, "cut") {
			n += count
		}
	}
	return n
}

// The scripts that were written by hand.
func TestWrittenScripts(t *testing.T) {
	for _, file := range []string{"writes.json", "cancels.json", "subscribers.json", "ends.json"} {
		for _, script := range read[[]Script](t, file) {
			t.Run(script.Name, func(t *testing.T) {
				require.Empty(t, Run(&script, false).Violations)
				require.Empty(t, Run(&script, true).Violations, "with direct writes")
			})
		}
	}
}

// Some seeds each time; make drivers runs many.
func TestSeeds(t *testing.T) {
	var from, to uint64
	_, err := fmt.Sscanf(*seeds, "%d..%d", &from, &to)
	require.NoError(t, err)
	start := time.Now()
	all := runAll(to-from, func(at uint64) Script { return Generate(from + at) })
	t.Logf("%d runs in %.1f s on %d cores", to-from, time.Since(start).Seconds(), runtime.GOMAXPROCS(0))
	for _, fault := range slices.Sorted(maps.Keys(all.faults)) {
		t.Logf("%9d  %s", all.faults[fault], fault)
	}
	all.require(t)
	// A network without its faults would let everything pass.
	if runtime.GOOS == "linux" {
		require.NotZero(t, all.faults["direct write"])
	}
	for _, fault := range []string{"short write", "write of nothing", "stall of writes", "stall of reads", "refused dial"} {
		require.GreaterOrEqual(t, all.faults[fault], 5, fault)
	}
	require.GreaterOrEqual(t, all.cuts(), 30)
	require.NotZero(t, all.faults["cancel in a write"])
}

// Each connection of a dialogue breaks after so many bytes, each in turn, from the client and to it.
func TestCutAtEveryByte(t *testing.T) {
	dialogue := read[Script](t, "dialogue.json")
	// Whole means that the last message has come, too.
	heard := dialogue
	heard.Steps = append(slices.Clone(dialogue.Steps), Step{Wait: waitHeard}, Step{Wait: waitDrained})
	whole := Run(&heard, false)
	require.Empty(t, whole.Violations)
	// Each twice, the second for direct writes; with the race detector, which is slow, only every other is for these.
	copies := 2
	if underRace {
		copies = 1
	}
	var scripts []Script
	for number, bytes := range whole.Bytes {
		for at := range bytes[0] + 1 {
			s := broken(dialogue, number, at, Faults{CutIn: &at})
			scripts = append(scripts, slices.Repeat([]Script{s}, copies)...)
		}
		for at := range bytes[1] + 1 {
			s := broken(dialogue, number, at, Faults{CutOut: &at})
			scripts = append(scripts, slices.Repeat([]Script{s}, copies)...)
		}
	}
	require.Greater(t, len(scripts), 1000*copies)
	all := runAll(uint64(len(scripts)), func(at uint64) Script { return scripts[at] })
	all.require(t)
	// A connection may be asked for in another order than it was without the cut; few are.
	require.Greater(t, all.cuts(), len(scripts)*9/10)
}

func broken(s Script, number int, at uint64, faults Faults) Script {
	faults.How = hows[at%3]
	s.Connections = slices.Clone(s.Connections)
	for len(s.Connections) <= number {
		s.Connections = append(s.Connections, Profile{})
	}
	s.Connections[number].Faults = faults
	s.Name = fmt.Sprintf("connection %d, %s at %d, in %v", number, faults.How, at, faults.CutIn != nil)
	return s
}

// Both hosts' tests draw the same scripts from the same seeds: both hold them against this file.
func TestSeedsGiveTheScriptsThatTheyGave(t *testing.T) {
	for seed, want := range read[[]Script](t, "seeds.json") {
		for i := range want.Connections {
			want.Connections[i].How = orReset(want.Connections[i].How)
		}
		for _, step := range want.Steps {
			if step.Arm != nil {
				step.Arm.How = orReset(step.Arm.How)
			}
		}
		require.Equal(t, want, Generate(uint64(seed)))
	}
}

// orReset is what a script means that does not say how.
func orReset(how How) How {
	if how == "" {
		return Reset
	}
	return how
}

// The numbers are those published with the algorithm.
func TestRandom(t *testing.T) {
	r := random(1_234_567)
	require.Equal(t, uint64(6_457_827_717_110_365_317), r.next())
	require.Equal(t, uint64(3_203_168_211_198_807_973), r.next())
}

func TestPayload(t *testing.T) {
	require.Equal(t, "c1.0:47d6ab7fe60e253084459ee12", string(payload("c1.0", 30)))
	other := payload("c1.0", 100)
	copy(other[50:], payload("c2.0", 100)[50:])
	_, ok := tokenOf(other)
	require.False(t, ok)
}
