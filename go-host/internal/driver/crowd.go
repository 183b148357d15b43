package driver

const (
	// waves is how many a crowd goes out in at most: the server has work while the next one is made. Each has as many
	// commands as are under way, so that they become larger and fewer.
	waves = 6
	// crowdFades is how slowly a crowd is forgotten: by one part in so many, each time that entries are taken.
	crowdFades = 64
)

// crowd is how many commands are under way at most, lately, times crowdFades. The Rust host counts the same way:
// tests/drivers/waves.json is of both.
type crowd int

// wave is how many commands are to be queued before they go out, where the server has so many.
func (c crowd) wave(underWay int) int { return max(int(c)/crowdFades/waves, underWay, 1) }

// note counts what is under way, now that something was taken.
func (c *crowd) note(underWay int) {
	now := crowd(underWay * crowdFades)
	gone := max(0, *c-now)
	*c = max(now, *c-(gone+crowdFades-1)/crowdFades)
}
