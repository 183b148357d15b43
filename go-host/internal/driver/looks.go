package driver

// Looks are counted, not timed: what others run between two of them is not wasted. The Rust host, whose looks are
// shorter, has other numbers.
const (
	// sleepCost is some 25 µs of processor time where it was measured, of which a look takes 0.65.
	sleepCost = 40
	// mostLooks is more than a sleep costs: a server that has slept too answers late, and is no longer late once nobody
	// sleeps.
	mostLooks = 80
	// trialWaits is how often it is tried whether looking pays, lookWindow after how many waits it is asked anew.
	trialWaits, lookWindow = 8, 32
	// leastPause is for how many waits nobody looks where it did not pay, mostPause where it never does.
	leastPause, mostPause = 64, 2048
)

// looks tells how often a reader looks for input before it sleeps, by what that has spared: nothing where the server is
// far or slow. The Rust host counts the same way: tests/drivers/looks.json is of both.
type looks struct {
	sleepCost int // how many looks cost as much as to fall asleep and be woken
	most      int // before a sleep

	gain    int // since it was last decided, in looks
	left    int // waits until it is decided again
	pause   int // the last one
	resting bool
}

// newLooks begins with a trial.
func newLooks(sleepCost, most int) looks {
	return looks{sleepCost: sleepCost, most: most, left: trialWaits}
}

// begin says how many there may be in the wait that begins.
func (l *looks) begin() int {
	if l.resting {
		if l.left--; l.left > 0 {
			return 0
		}
		l.gain, l.left, l.resting = 0, trialWaits, false
	}
	return l.most
}

// found says that what was waited for had come after so many looks in vain.
func (l *looks) found(after int) { l.note(l.sleepCost - after) }

// missed says that nothing had come after so many, and the reader sleeps.
func (l *looks) missed(after int) { l.note(-after) }

func (l *looks) note(gain int) {
	l.gain += gain
	if l.left--; l.left > 0 {
		return
	}
	if l.gain >= 0 {
		l.gain, l.left, l.pause = 0, lookWindow, 0
		return
	}
	l.pause = min(max(2*l.pause, leastPause), mostPause)
	l.left, l.resting = l.pause, true
}
