//go:build !race

package coracle

const underRace = false
