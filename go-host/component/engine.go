package component

import "runtime/debug"

// wazeroModule is the path of the engine's module.
const wazeroModule = "github.com/tetratelabs/wazero"

// Engine names the version of wazero that this program was built with: code that one version compiled is nothing for
// another. It is empty where the program does not say, as a test's does not, or where it was built with another module
// in wazero's place.
func Engine() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, m := range info.Deps {
		if m.Path == wazeroModule && m.Replace == nil && m.Version != "" {
			return m.Path + " " + m.Version
		}
	}
	return ""
}
