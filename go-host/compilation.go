package coracle

import "github.com/coracle-client/coracle/go-host/internal/core"

// WithCompilationCache keeps the component's compiled code in a directory, in place of the folder coracle/wazero of
// [os.UserCacheDir]. Compiling takes a tenth of a second or more, and is then done once for all processes of a user; a
// second client of one process never waits for it. The first client of a process that runs a component says where.
//
// Only code is run that was not changed since it was compiled, by its SHA-256, and that nobody else could have written:
// directory and files have to belong to this user or to root, and neither they nor the folders above may be writable by
// others. A directory that is not so, or can't be written to, is not used, and the client's logger is told why; what is
// damaged is thrown away. Whatever is wrong with it, the component is compiled and the client opens.
//
// On systems that have no owners and modes, such as Windows, code is kept only where this option names a directory; it
// is then the caller who sees to it that nobody else can write there.
//
// Nothing is kept where a program does not say which version of wazero it was built with: in tests, and where go.mod
// replaces that module.
func WithCompilationCache(dir string) Option {
	return func(o *options) { o.codeDir, o.codeDirNamed = dir, true }
}

// WithoutCompilationCache keeps no compiled code on disk: each process compiles the component.
func WithoutCompilationCache() Option {
	return func(o *options) { o.codeDir, o.codeDirNamed = "", false }
}

func (o *options) codeCache() core.Cache {
	return core.Cache{Dir: o.codeDir, Vouched: o.codeDirNamed, Logger: o.logger}
}
