//go:build race

package coracle

const underRace = true
