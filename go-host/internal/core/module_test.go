package core

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestAComponentIsCompiledOnce(t *testing.T) {
	first, err := Load(t.Context(), nil, Cache{})
	require.NoError(t, err)
	second, err := Load(t.Context(), embedded, Cache{})
	require.NoError(t, err)
	require.Same(t, first, second)
	require.Len(t, first.Digest(), 64)
}

// Who asks first may have little time; who asks next must not suffer for it.
func TestACancelledLoadIsNoFailure(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	other := append(append([]byte(nil), embedded...), 0, 2, 1, 'x') // the same, with an empty custom section
	_, err := Load(ctx, other, Cache{})
	require.NoError(t, err)
}

func TestWhatIsNoComponentIsRefused(t *testing.T) {
	for says, binary := range map[string][]byte{
		"empty":              {},
		"read the component": []byte("what is this"),
	} {
		_, err := Load(t.Context(), binary, Cache{})
		require.ErrorContains(t, err, says)
	}
}

func settings() Settings {
	return Settings{
		Endpoints: []Endpoint{{Host: "h", Port: 1}}, LibraryName: "l", LibraryVersion: "1", ConnectTimeout: 1, QuietAfter: 1, IdleTimeout: 1,
		Limits: Limits{1, 1, 1, 1, 1, 1, 1, 1, 1, 64},
	}
}

func newInstance(t *testing.T) *Instance {
	t.Helper()
	module, err := Load(t.Context(), nil, Cache{})
	require.NoError(t, err)
	i, err := module.Instantiate(t.Context(), Config{MemoryLimit: 4 << 20})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, i.Close(context.Background())) })
	return i
}

func TestConfigureOpensALink(t *testing.T) {
	i := newInstance(t)
	p, err := i.Configure(0, settings())
	require.NoError(t, err)
	require.Equal(t, []Effect{{Kind: EffectOpen, Link: 1, Endpoint: &Endpoint{Host: "h", Port: 1}}}, p.Effects)
	require.EqualValues(t, 1, p.WakeAt)
	require.NotZero(t, i.MemorySize())
}

func TestWrongSettingsAreNamed(t *testing.T) {
	s := settings()
	s.Name = "two words"
	_, err := newInstance(t).Configure(0, s)
	var refused *SettingsError
	require.ErrorAs(t, err, &refused)
	require.ErrorContains(t, err, "name")
}

// Each call is made with what the contract says it takes.
func TestEveryCall(t *testing.T) {
	i := newInstance(t)
	_, err := i.Configure(0, settings())
	require.NoError(t, err)
	for name, call := range map[string]func() (*Progress, error){
		"opened":      func() (*Progress, error) { return i.Opened(1, 1, &Credentials{1, 2, 3}) },
		"received":    func() (*Progress, error) { return i.Received(1, 9, 0, []byte("x")) },
		"closed":      func() (*Progress, error) { return i.Closed(1, 9, ReasonTLS, 5, "why\xff") },
		"elapsed":     func() (*Progress, error) { return i.Elapsed(1, []Traffic{{1, 2, 3, true}}) },
		"submit":      func() (*Progress, error) { return i.Submit(1, nil, nil, nil) },
		"cancel":      func() (*Progress, error) { return i.Cancel(1, []uint64{1}) },
		"subscribe":   func() (*Progress, error) { return i.Subscribe(1, 1, SubPattern, false, []uint32{1}, []byte("a")) },
		"unsubscribe": func() (*Progress, error) { return i.Unsubscribe(1, 1) },
		"drain":       func() (*Progress, error) { return i.Drain(1, 2) },
	} {
		_, err := call()
		require.NoError(t, err, name)
	}
	require.Error(t, i.Provoke(Fault{Name: "trap"}), "not in the component that is shipped")
}
