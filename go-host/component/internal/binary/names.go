package binary

import "strings"

// dependencies are how names begin that ask for components by where they are or what they hash to.
var dependencies = []string{"unlocked-dep=", "locked-dep=", "url=", "integrity="}

// checkExternName says what is wrong with a name of an import or export.
func (r *reader) checkExternName(start int, name string) {
	for _, prefix := range dependencies {
		if strings.HasPrefix(name, prefix) {
			r.refuse(start, "imports of components by "+strings.TrimSuffix(prefix, "="))
			return
		}
	}
	namespace, rest, isInterface := strings.Cut(name, ":")
	switch {
	case strings.HasPrefix(name, "["):
		r.refuse(start, "resource types")
	case isInterface:
		r.checkInterfaceName(start, name, namespace, rest)
	case !isKebab(name):
		r.fail(start, "name %q is neither in kebab case nor that of an interface", name)
	}
}

// checkInterfaceName says what is wrong with a name of namespace, package, interface and perhaps a version.
func (r *reader) checkInterfaceName(start int, name, namespace, rest string) {
	rest, version, hasVersion := strings.Cut(rest, "@")
	pkg, iface, _ := strings.Cut(rest, "/")
	switch {
	case !isLowerKebab(namespace) || !isLowerKebab(pkg) || !isKebab(iface):
		r.fail(start, "interface name %q is not namespace:package/interface, each in kebab case", name)
	case hasVersion && !isVersion(version):
		r.fail(start, "interface name %q has %q for a version", name, version)
	}
}

// isVersion says whether this is a semantic version, or the part of one that compatible ones share: 1, 0.2, 0.0.3.
func isVersion(version string) bool {
	version, build, hasBuild := strings.Cut(version, "+")
	version, pre, hasPre := strings.Cut(version, "-")
	if hasBuild && !areIdentifiers(build, isWord) || hasPre && !areIdentifiers(pre, isPreRelease) {
		return false
	}
	if !areIdentifiers(version, isNumber) {
		return false
	}
	shared := strings.TrimPrefix(strings.TrimPrefix(version, "0."), "0.")
	partial := !hasBuild && !hasPre && shared != "0" && !strings.Contains(shared, ".")
	return partial || strings.Count(version, ".") == 2
}

func areIdentifiers(list string, is func(string) bool) bool {
	for identifier := range strings.SplitSeq(list, ".") {
		if !is(identifier) {
			return false
		}
	}
	return true
}

// isPreRelease says whether this is a word, or a number without a zero before it.
func isPreRelease(identifier string) bool {
	return isWord(identifier) && (strings.Trim(identifier, digits) != "" || isNumber(identifier))
}

func isNumber(identifier string) bool {
	return identifier == "0" ||
		identifier != "" && identifier[0] != '0' && strings.Trim(identifier, digits) == ""
}

func isWord(identifier string) bool {
	return identifier != "" && strings.Trim(identifier, digits+"-abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
}

const digits = "0123456789"

func isLowerKebab(name string) bool { return isKebab(name) && strings.ToLower(name) == name }

// isKebab says whether words are joined by single hyphens, each of them in lower or upper case, and the first one
// begins with a letter.
func isKebab(name string) bool {
	begin := true
	var upper, lower bool
	for i := 0; i < len(name); i++ {
		switch c := name[i]; {
		case c == '-':
			if begin {
				return false
			}
			begin, upper, lower = true, false, false
			continue
		case c >= 'a' && c <= 'z':
			lower = true
		case c >= 'A' && c <= 'Z':
			upper = true
		case c >= '0' && c <= '9':
			if i == 0 {
				return false
			}
		default:
			return false
		}
		if upper && lower {
			return false
		}
		begin = false
	}
	return !begin
}
