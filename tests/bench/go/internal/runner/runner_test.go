package runner

import (
	"testing"
	"time"

	"github.com/coracle-client/coracle/tests/bench/go/internal/result"
	"github.com/coracle-client/coracle/tests/bench/go/internal/summary"
)

func plan() Plan {
	loads := []result.Workload{{Name: "W1"}, {Name: "W2"}, {Name: "W9"}}
	return Plan{Programs: []Program{{List: result.List{Language: "Go", Workloads: loads, Clients: []result.Client{
		{Name: "a", Workloads: []string{"W2", "W1"}, Quick: true}, {Name: "b", Workloads: []string{"W1"}},
		{Name: "base", Baseline: true, Workloads: []string{"W9"}},
	}}}}}
}

func names(jobs []job) string {
	var all string
	for _, j := range jobs {
		all += j.workload + j.client + " "
	}
	return all
}

func TestJobsAreInterleavedAndRotate(t *testing.T) {
	p := plan()
	if got := names(p.jobs(0)); got != "W1a W1b W2a W9base " {
		t.Errorf("round 0: %s", got)
	}
	if got := names(p.jobs(1)); got != "W1b W1a W2a W9base " {
		t.Errorf("round 1: %s", got)
	}
	p.Quick = true
	if got := names(p.jobs(0)); got != "W1a W2a " {
		t.Errorf("quick: %s", got)
	}
	p = plan()
	p.Workloads, p.Clients = []string{"W1"}, []string{"b"}
	if got := names(p.jobs(0)); got != "W1b " {
		t.Errorf("chosen: %s", got)
	}
}

func TestSettledFitsTheBudget(t *testing.T) {
	p := plan()
	p.Budget = 4 * 5 * (overhead + time.Second)
	if s := p.Settled(); s.Rounds != 5 || s.Span != time.Second {
		t.Errorf("%d rounds of %s", s.Rounds, s.Span)
	}
	p.Budget = 4 * 2 * (overhead + shortest)
	if s := p.Settled(); s.Rounds != 2 || s.Span != shortest {
		t.Errorf("with a small budget %d rounds of %s", s.Rounds, s.Span)
	}
	p.Rounds = 4
	if s := p.Settled(); s.Rounds != 4 || s.Span != shortest {
		t.Errorf("with rounds given %d rounds of %s", s.Rounds, s.Span)
	}
}

func TestPaceIsThatOfTheBestPeer(t *testing.T) {
	lists := []result.List{{Language: "Go", Clients: []result.Client{
		{Name: "ours", Ours: true}, {Name: "none"}, {Name: "peer"}, {Name: "base", Baseline: true}, {Name: "idle"},
	}}}
	runs := []summary.Run{}
	for name, ops := range map[string]float64{"ours": 900, "peer": 500, "base": 700} {
		runs = append(runs, summary.Run{Language: "Go", Result: result.Result{Client: name, Workload: "W2", Ops: ops}})
	}
	if got := pace(lists, runs, "Go"); got != 300 {
		t.Errorf("%v a second", got)
	}
	if got := pace(lists, nil, "Go"); got != 0 {
		t.Errorf("without W2 %v a second", got)
	}
}

func TestBusyLeavesOutIdleAndGuestTime(t *testing.T) {
	const stat = "cpu  1 2 4 1000 2000 8 16 32 4000 8000\ncpu0 9 9 9 9 9 9 9 9 9 9\n"
	if got := busy(stat); got != 63*jiffy {
		t.Errorf("busy for %s", got)
	}
	if got := busy("nonsense here"); got != 0 {
		t.Errorf("nonsense was busy for %s", got)
	}
}

func TestVersionNamesTheServer(t *testing.T) {
	if v := version("redis_version:7.2.4\r\nvalkey_version:8.0.1\r\n"); v != "Valkey 8.0.1" {
		t.Error(v)
	}
	if v := version("# Server\r\nredis_version:7.0.15\r\n"); v != "Redis 7.0.15" {
		t.Error(v)
	}
}
