// Programs that check the host. A module of its own, so that none of them is a dependency of the host.
module github.com/coracle-client/coracle/go-host/tools

go 1.26.0

tool honnef.co/go/tools/cmd/staticcheck

require github.com/alicebob/miniredis/v2 v2.40.0

require (
	github.com/BurntSushi/toml v1.4.1-0.20240526193622-a339e1f7089c // indirect
	github.com/yuin/gopher-lua v1.1.1 // indirect
	golang.org/x/exp/typeparams v0.0.0-20231108232855-2478ac86f678 // indirect
	golang.org/x/mod v0.41.0 // indirect
	golang.org/x/sync v0.23.0 // indirect
	golang.org/x/tools v0.51.0 // indirect
	honnef.co/go/tools v0.8.2 // indirect
)
