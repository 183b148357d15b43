package core

// Interfaces of the contract.
const (
	ifNetwork  = "coracle:client/network@0.1.0"
	ifLog      = "coracle:client/log@0.1.0"
	ifDriver   = "coracle:client/driver@0.1.0"
	ifCommands = "coracle:client/commands@0.1.0"
	ifPubsub   = "coracle:client/pubsub@0.1.0"
	ifTesting  = "coracle:client/testing@0.1.0"
)

// Types of the contract, in the grammar of wit.ParseType.
const (
	tEndpoint    = "variant{tcp(tuple<string, u16>), unix(string)}"
	tCredentials = "record{generation: u32, username: u32, password: u32}"
	tLimits      = "record{queued: u32, queued-bytes: u32, inflight: u32, inflight-bytes: u32, links: u32, depth: u32, " +
		"elements: u64, reply-bytes: u64, hold-above: u32, pass-above: u32}"
	tSettings = "record{seed: u64, endpoints: list<" + tEndpoint + ">, database: u32, name: string, library-name: string, " +
		"library-version: string, resp2: bool, connect-timeout: u64, quiet-after: u64, idle-timeout: u64, primary: bool, " +
		"tracking: enum{off, opt-in, broadcast}, tracking-prefixes: list<string>, limits: " + tLimits + "}"
	tProgress = "record{accepted: u32, wake-at: u64, keep-from: u64, pass: u64}"
	tTraffic  = "record{link: u32, written: u64, received: u64, held: bool}"
	tReason   = "enum{refused, denied, lost, tls, local}"
	tKind     = "enum{channel, pattern, shard, monitor}"
	tRole     = "enum{data, sentinel}"
)

// Fields of progress, by their place.
const (
	fAccepted = iota
	fWakeAt
	fKeepFrom
	fPass
)

// export names an exported function and its type.
type export struct{ iface, function, signature string }

// Places of the exports in the table.
const (
	xConfigure = iota
	xOpened
	xReceived
	xClosed
	xElapsed
	xRenew
	xDrain
	xSubmit
	xCancel
	xLease
	xRelease
	xSubscribe
	xUnsubscribe
	exportCount
)

var exports = [exportCount]export{
	xConfigure: {ifDriver, "configure", "func(now: u64, settings: " + tSettings + ") -> result<" + tProgress + ", string>"},
	xOpened:    {ifDriver, "opened", "func(now: u64, link: u32, credentials: option<" + tCredentials + ">) -> " + tProgress},
	xReceived:  {ifDriver, "received", "func(now: u64, link: u32, skipped: u64, bytes: list<u8>) -> " + tProgress},
	xClosed: {ifDriver, "closed", "func(now: u64, link: u32, reason: " + tReason +
		", written: u64, detail: string) -> " + tProgress},
	xElapsed: {ifDriver, "elapsed", "func(now: u64, links: list<" + tTraffic + ">) -> " + tProgress},
	xRenew:   {ifDriver, "renew", "func(now: u64, credentials: " + tCredentials + ") -> " + tProgress},
	xDrain:   {ifDriver, "drain", "func(now: u64, deadline: u64) -> " + tProgress},
	xSubmit: {ifCommands, "submit", "func(now: u64, rows: list<u64>, lengths: list<u32>, bytes: list<u8>) -> " +
		tProgress},
	xCancel:  {ifCommands, "cancel", "func(now: u64, requests: list<u64>) -> " + tProgress},
	xLease:   {ifCommands, "lease", "func(now: u64, session: u32, deadline: u64) -> " + tProgress},
	xRelease: {ifCommands, "release", "func(now: u64, session: u32) -> " + tProgress},
	xSubscribe: {ifPubsub, "subscribe", "func(now: u64, subscription: u64, kind: " + tKind +
		", own-link: bool, lengths: list<u32>, names: list<u8>) -> " + tProgress},
	xUnsubscribe: {ifPubsub, "unsubscribe", "func(now: u64, subscription: u64) -> " + tProgress},
}
