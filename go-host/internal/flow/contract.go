package flow

const iface = "coracle:client/event-store@0.1.0"

// Types of the contract, in the grammar of wit.ParseType.
const (
	tPair       = "tuple<u64, u64>"
	tWanted     = "record{count: u32, timeout: u32}"
	tDurability = "variant{none, replicas(" + tWanted + "), fsynced(tuple<bool, " + tWanted + ">)}"
	tSettings   = "record{namespace: string, seed: u64, token-seed: " + tPair + ", max-batch-events: u32, " +
		"max-batch-bytes: u32, scan-budget: u32, page-events: u32, segment-bytes: u64, marker-ttl: u64, " +
		"durability: " + tDurability + ", max-flows: u32}"
	tCursor    = "record{position: u64, id: " + tPair + "}"
	tQuery     = "list<record{types: list<string>, tags: list<string>}>"
	tEvents    = "list<record{id: " + tPair + ", type: string, tags: list<string>, data: u32, metadata: u32}>"
	tCondition = "record{query: " + tQuery + ", after: " + tCursor + "}"
	tCommand   = "record{id: " + tPair + ", type: string, data: u32, metadata: u32, fingerprint: " + tPair + ", " +
		"locks: list<string>, permanent: bool}"
	tSelection = "record{queries: list<" + tQuery + ">, after: " + tCursor + ", limit: u64, backwards: bool, " +
		"decision: u64}"
	tRetries = "record{attempts: u32, backoff: u32, max-backoff: u32, lease: u32}"
	tLease   = "record{name: string, fence: u64, token: " + tPair + ", until: u64}"
	tSince   = "variant{number(u64), time(u64), position(u64)}"
	tFailure = "enum{not-sent, maybe-executed, refused, limit, misuse}"
	tCause   = "enum{none, deadline, cancelled, lost, unreachable, denied, protocol, too-large, closing, " +
		"unsupported, usage, silent, loading, replica}"
	tBatch = "record{session: bool, lengths: list<u32>, arguments: list<u32>, pieces: list<u64>, " +
		"bytes: list<u8>, script: bool, may-repeat: bool, deadline: u64}"
	tPage     = "record{rows: list<u64>, lengths: list<u32>, texts: string, cursor: " + tCursor + "}"
	tRecorded = "record{number: u64, time: u64, id: " + tPair + ", type: string, first: u64, last: u64, " +
		"body: u32, metadata: tuple<u32, u32>}"
	tProgress = "record{done: u64, total: u64}"
	tDecision = "record{attempt: u32, leases: list<" + tLease + ">}"
	tAppended = "record{first: u64, last: u64, cursor: " + tCursor + ", command: u64, repeated: bool, " +
		"attempts: u32}"
	tWarning  = "record{about: string, text: string}"
	tTotals   = "record{head: u64, commands: u64, types: u32, segments: u32, segment-bytes: u64}"
	tVerified = "record{events: u64, faults: u64, texts: list<string>}"
	tOutcome  = "variant{nothing, appended(" + tAppended + "), read(" + tCursor + "), locked(" + tLease + "), " +
		"checkpoint(option<" + tCursor + ">), inspected(list<" + tWarning + ">), stats(" + tTotals + "), " +
		"verified(" + tVerified + ")}"
	tTransport = "record{failure: " + tFailure + ", cause: " + tCause + ", text: string}"
	tFault     = "variant{invalid(tuple<string, string>), conflict(" + tPair + "), ahead(u64), " +
		"rewritten(u64), duplicate(" + tPair + "), id-reused(" + tPair + "), too-broad, too-many-types, " +
		"lock-timeout(string), lock-lost(string), too-few-acknowledgements(tuple<u32, u32, " + tAppended + ">), " +
		"checkpoint-moved(option<" + tCursor + ">), corrupt(tuple<string, string>), rebuilding, server(string), " +
		"transport(" + tTransport + "), cancelled(bool), deadline(bool), too-many-flows, misuse(string)}"
	tStep = "variant{send(" + tBatch + "), wait(u64), park(u64), events(" + tPage + "), commands(list<" + tRecorded + ">), " +
		"progress(" + tProgress + "), decide(" + tDecision + "), done(" + tOutcome + "), " +
		"failed(" + tFault + ")}"
	begin       = "func(now: u64, flow: u64, "
	beginInTime = begin + "deadline: u64"
)

// Places of the exports in the table.
const (
	xOpen = iota
	xAppend
	xRead
	xSubscribe
	xListen
	xExecute
	xDecided
	xKeep
	xLock
	xUnlock
	xCheckpoint
	xAdvance
	xReadCommands
	xInspect
	xStats
	xVerify
	xRebuild
	xReplied
	xUnanswered
	xElapsed
	xResume
	xDeclined
	xCancel
	xNext
	exportCount
)

// export names an exported function and its type.
type export struct{ function, signature string }

var exports = [exportCount]export{
	xOpen: {"open", "func(now: u64, settings: " + tSettings + ") -> result<list<string>, tuple<string, string>>"},
	xAppend: {"append", beginInTime + ", events: " + tEvents + ", condition: option<" + tCondition +
		">, command: option<" + tCommand + ">, durability: option<" + tDurability + ">, held: list<" + tLease + ">)"},
	xRead:      {"read", beginInTime + ", selection: " + tSelection + ")"},
	xSubscribe: {"subscribe", begin + "query: " + tQuery + ", after: " + tCursor + ")"},
	xListen:    {"listen", "func(now: u64, flow: u64" + ")"},
	xExecute: {"execute", beginInTime + ", command: " + tCommand + ", retries: " + tRetries +
		", durability: option<" + tDurability + ">, held: list<" + tLease + ">)"},
	xDecided:    {"decided", begin + "events: " + tEvents + ")"},
	xKeep:       {"keep", begin + "leases: list<" + tLease + ">, duration: u32" + ")"},
	xLock:       {"lock", beginInTime + ", name: string, duration: u32" + ")"},
	xUnlock:     {"unlock", beginInTime + ", lease: " + tLease + ")"},
	xCheckpoint: {"checkpoint", beginInTime + ", consumer: string" + ")"},
	xAdvance: {"advance", beginInTime + ", consumer: string, expected: option<" + tCursor + ">, to: " + tCursor +
		")"},
	xReadCommands: {"read-commands", beginInTime + ", since: " + tSince + ", limit: u64" + ")"},
	xInspect:      {"inspect", beginInTime + ")"},
	xStats:        {"stats", beginInTime + ")"},
	xVerify:       {"verify", beginInTime + ")"},
	xRebuild:      {"rebuild", beginInTime + ")"},
	xReplied:      {"replied", begin + "nodes: list<u64>, texts: list<u8>" + ")"},
	xUnanswered:   {"unanswered", begin + "failure: " + tFailure + ", cause: " + tCause + ", text: string" + ")"},
	xElapsed:      {"elapsed", "func(now: u64, flow: u64" + ")"},
	xResume:       {"resume", "func(now: u64, flow: u64" + ")"},
	xDeclined:     {"declined", "func(now: u64, flow: u64" + ")"},
	xCancel:       {"cancel", "func(now: u64, flow: u64" + ")"},
	xNext:         {"next", "func() -> " + tStep},
}
