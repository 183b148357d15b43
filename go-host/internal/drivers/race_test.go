//go:build race

package drivers

const underRace = true
