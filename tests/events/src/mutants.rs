//! Deliberate bugs in the scripts, each of which a check must find.

/// A script's text, and what is there instead.
#[derive(Clone, Copy, Debug)]
pub struct Mutant {
    /// What is wrong.
    pub name: &'static str,
    /// As it is in the source.
    pub old: &'static str,
    /// Instead.
    pub new: &'static str,
}

const fn mutant(name: &'static str, old: &'static str, new: &'static str) -> Mutant {
    Mutant { name, old, new }
}

/// All of them.
pub const MUTANTS: &[Mutant] = &[
    // The order and kind of an append's checks.
    mutant(
        "an event at `after` conflicts",
        "if last > after then return { CONFLICT",
        "if last >= after then return { CONFLICT",
    ),
    mutant(
        "the event behind `after` does not",
        "if last > after then return { CONFLICT",
        "if last > after + 1 then return { CONFLICT",
    ),
    mutant(
        "only the first item counts",
        "local last = last_match(one_type, last_type, one_tag, last_tag)\n",
        "local last = last_match(one_type, last_type, one_tag, last_tag)\nto_check = false\n",
    ),
    mutant("the last event is not looked at", "conditional and after < head", "conditional and after < head - 1"),
    mutant(
        "a query for everything skips the check",
        "if one_tag > last_tag then",
        "if one_tag > last_tag and any_type then return 0 end\nif one_tag > last_tag then",
    ),
    mutant(
        "types of tagged items are ignored",
        "one_tag == last_tag and any_type then return",
        "one_tag == last_tag then return",
    ),
    mutant("the first tag's list is taken for all", "tag_lasts[tag] = last", "tag_lasts = { last, last, last, last }"),
    mutant(
        "only the first type of an item counts",
        "last = math.max(last, tonumber(known[2 * plan[i] + 2] or 0)) end",
        "last = math.max(last, tonumber(known[2 * plan[i] + 2] or 0)) break end",
    ),
    mutant(
        "any tag will do",
        "if last <= after then return last end\nend\nif one_tag == last_tag and",
        "if last > after then return last end\nend\nif one_tag == last_tag and",
    ),
    mutant(
        "the last position of a pair is not written",
        "if refused(try('HSET', keys[tags_at + 2 * tag], pair(number, tag), position)) then break end",
        "",
    ),
    mutant(
        "the last position of a pair is that of another type",
        "pair(number, tag))\nif position then",
        "pair('0', tag))\nif position then",
    ),
    mutant(
        "the last position of a type is not written",
        "for kind, position in pairs(lasts) do\nlocal field",
        "for kind, position in pairs({}) do\nlocal field",
    ),
    mutant(
        "the pair of the first tag only",
        "if refused(try('HSET', keys[tags_at + 2 * tag], pair(number, tag), position)) then break end",
        "if place == one then try('HSET', keys[tags_at + 2 * tag], pair(number, tag), position) end",
    ),
    mutant(
        "the head is not advanced",
        "format('3 %d %d %d %s %d %d %d %d 0', last,",
        "format('3 %d %d %d %s %d %d %d %d 0', head,",
    ),
    mutant(
        "the head advances by one too few",
        "local from, last = 0, head + count",
        "local from, last = 0, head + math.max(count - 1, 0)",
    ),
    mutant("the markers are not looked at", "if marker then\nlocal was", "if marker and false then\nlocal was"),
    mutant("the fingerprint is not compared", "if was ~= fingerprint then", "if false then"),
    mutant(
        "the marker is not written",
        "if marker_key then\nlocal marker = format",
        "if false then\nlocal marker = format",
    ),
    mutant(
        "the condition comes before the marker",
        "if marker then\nlocal was",
        "if marker and call('GET', KEYS[1] .. 'x') then\nlocal was",
    ),
    mutant(
        "the locks are not compared",
        "if call('GET', key()) ~= argument() then",
        "if call('GET', key()) ~= argument() and false then",
    ),
    mutant(
        "an absent lock is held",
        "if call('GET', key()) ~= argument() then",
        "if (call('GET', key()) or arguments[given + 1]) ~= argument() then",
    ),
    mutant("`after` may be beyond the head", "if after > head then return { AHEAD", "if false then return { AHEAD"),
    mutant(
        "the id at `after` is not compared",
        "then return { REWRITTEN, after }",
        "and false then return { REWRITTEN, after }",
    ),
    mutant(
        "the id at a page's place is not compared",
        "then return { REWRITTEN, position }",
        "and false then return { REWRITTEN, position }",
    ),
    mutant(
        "stale segments are written to",
        "if segment ~= argument() or first ~= argument() then",
        "if segment .. first == argument() .. argument() .. 'x' then",
    ),
    mutant("another layout is taken for this one", "if version ~= '3' then", "if false then"),
    mutant("a type more than there are numbers", "if types == TYPES then", "if types > TYPES then"),
    mutant("no budget for a condition", "if item.over then return nil end", "if item.over then return 0 end"),
    mutant("time goes back", "math.max(tonumber(time), milliseconds)", "milliseconds"),
    mutant("a segment is never full", "if bytes >= limit then", "if false then"),
    mutant(
        "another kind of shard is found out too late",
        "if i ~= first_tag then call('HLEN', keys[tags_at + 2 * i]) end",
        "",
    ),
    mutant(
        "the first tag that is written to is taken for that of the plan",
        "if i ~= first_tag then",
        "if i ~= 1 then",
    ),
    mutant("a failed append's state stays", "else try('HSET', state_key, 's', state) end", "end"),
    mutant("a new store's state stays", "if time == '0' then try('HDEL', state_key, 's')", "if false then"),
    mutant("its new types and segment stay", "for i = 1, #added do try('HDEL', state_key, added[i]) end", ""),
    mutant(
        "its last positions of types stay",
        "if was then try('HSET', state_key, arguments[2 * kind + 2], was) end",
        "",
    ),
    mutant("its bell rang", "if rung then\n", "if false then\n"),
    mutant("the last one is not heard", "try('XADD', bell_key, digits(head)", "type('XADD', bell_key, digits(head)"),
    mutant("its bodies stay", "try('HDEL', events_key, digits(head + i))", ""),
    mutant("its log stays", "for i = 1, logged do try", "for i = 1, 0 do try"),
    mutant("too little of its log is taken back", "for i = 1, logged do try", "for i = 2, logged do try"),
    mutant("its marker stays", "if marked then try('DEL', marker_key) end", ""),
    mutant("its record stays", "if recorded then try('HDEL', events_key, 'c' .. order) end", ""),
    mutant("its tags stay", "math.min(final, one + listed - 1) do", "0 do"),
    mutant("too many of its tags are taken back", "math.min(final, one + listed - 1) do", "final do"),
    mutant(
        "what is behind the head is written over",
        "local new = try('HSETNX', events_key",
        "local new = try('HSET', events_key",
    ),
    mutant("where the log ends is not asked", "if length ~= head + i + 1 - first then", "if false then"),
    mutant("what is refused is not noticed", "if type(reply) == 'table' and reply.err then", "if false then"),
    mutant("no append rings", "if count > 0 and (milliseconds < listening or head == 0) then", "if false then"),
    mutant(
        "who listened for longer is forgotten",
        "if tonumber(redis.call('HGET', KEYS[1], 'w') or 0) < till then",
        "if true then",
    ),
    mutant("all appends ring", "if count > 0 and (milliseconds < listening or head == 0) then", "if count > 0 then"),
    mutant("the first append does not ring", "(milliseconds < listening or head == 0)", "milliseconds < listening"),
    mutant("numbers above 254 are read as bytes", "if string.find(source, ", "if false and string.find(source, "),
    mutant("a long plan is cut off", "for from = 4001, #source, 4000 do", "for from = 4001, 0, 4000 do"),
    mutant(
        "only the first new type gets its number",
        "states[#states + 1], states[#states + 2] = arguments[number], known[number]",
        "if #added == 1 then states[3], states[4] = arguments[number], known[number] end",
    ),
    mutant("many types: only the first are known", "known[from + i - 1] = values[i]", ""),
    // Reading.
    mutant("`until` is ignored", "till = till == '' and head or math.min(tonumber(till), head)", "till = head"),
    mutant("`until` is one too far", "math.min(tonumber(till), head)", "math.min(tonumber(till) + 1, head)"),
    mutant(
        "`from` is read too",
        "local way, position, stop = 1, from + 1, till",
        "local way, position, stop = 1, from, till",
    ),
    mutant("one is left out between pages", "then looked = best.at - way end", "then looked = best.at end"),
    mutant("the limit is one more", "and count < limit do", "and count <= limit do"),
    mutant(
        "a leap goes one too far",
        "if is_before(stream, middle, position) then low = middle + 1 else high = middle end",
        "if is_before(stream, middle, position) then low = middle + 1 else high = middle end\nif low == high and high < stream.count then low = low + 1 break end",
    ),
    mutant(
        "the last of a chunk is skipped",
        "if (floor(last / PLACES) - position) * way < 0 then leap",
        "if (floor(last / PLACES) - position) * way <= 0 then leap",
    ),
    mutant("tags in common are not asked for", "if agreed == count then", "if agreed >= 1 then"),
    mutant("types of a tagged item are not asked for", "if not kinds or kinds[stream.type] then", "if true then"),
    mutant("types of an untagged item are not asked for", "if item.types[value % TYPES] then", "if true then"),
    mutant(
        "an event that two items match is given twice",
        "if item.at == at and not item.over then item:go(at + way) end",
        "if item == best then item:go(at + way) end",
    ),
    mutant("an item whose budget ended is forgotten", "ended = not best", "ended = not best or best.over"),
    mutant("no budget for a page", "(budget.left <= 0 and item.begun)", "false"),
    mutant(
        "the budget of a page is off by one chunk",
        "(budget.left <= 0 and item.begun)",
        "(budget.left < -chunk_size and item.begun)",
    ),
    mutant("bodies do not end a page", "while have < count and sum < enough do", "while have < count do"),
    mutant(
        "a page's first bodies may be large",
        "if count > 0 and bytes * size >= ",
        "if count < 0 and bytes * size >= ",
    ),
    mutant(
        "first bodies by position may be large",
        "size = math.max(1, math.min(16, math.floor",
        "size = math.max(16, math.min(16, math.floor",
    ),
    mutant(
        "a segment's first event is looked for in the one before",
        "if at >= low and at < behind then return low",
        "if at >= low and at <= behind then return low",
    ),
    mutant(
        "bodies of two segments are read from one",
        "while at < low or at >= behind do\nlast = last - 1\nat = tonumber(positions[last])\nend",
        "",
    ),
    mutant("the bodies read first are all", "if last - have == count then", "if true then"),
    mutant("positions between two strings are lost", "math.min(from + 255, count)", "math.min(from + 254, count)"),
    mutant("bytes do not end what is read by position", "if bytes >= enough then return bodies end", ""),
    // What one list has from its end on, or from its beginning.
    mutant("a list's end is read beyond `until`", "if bounded and tonumber(at) > stop then ended = true break end", ""),
    mutant(
        "types at a list's end are not asked for",
        "looked = at\nif not kinds or kinds[value % PLACES] then\ncount = count + 1\npositions[count] = at\nif",
        "looked = at\nif true then\ncount = count + 1\npositions[count] = at\nif",
    ),
    mutant("a list's end has no budget", "(index == 0 or budget.left > 0)", "true"),
    mutant("a list's end is all there is", "if ended == nil and got < chunk_size then", "if ended == nil then"),
    mutant(
        "a list's end is never all",
        "if ended == nil and got < chunk_size then ended = true end",
        "if ended == nil and got == 0 then ended = false end",
    ),
    mutant("the limit is one more at a list's end", "if count == limit then ended = false break end", ""),
    mutant(
        "the second chunk of a list's end is one off",
        "digits(-index - chunk_size), digits(-index - 1)",
        "digits(-index - chunk_size + (index > 0 and 1 or 0)), digits(-index - (index > 0 and 0 or 1))",
    ),
    mutant(
        "the second chunk of a list's beginning is one off",
        "digits(index), digits(index + chunk_size - 1)",
        "digits(index + (index > 0 and 1 or 0)), digits(index + chunk_size - 1)",
    ),
    mutant("`until` backwards is taken for the end", "position == (way > 0 and 1 or head)", "way < 0 or position == 1"),
    // What one list has from a place on.
    mutant(
        "one list is read beyond `until`",
        "if value then\nlocal at = cut(value, 1, -5)\nif (at - stop) * way > 0 then ended = true break end",
        "if value then\nlocal at = cut(value, 1, -5)",
    ),
    mutant(
        "types of one list are not asked for",
        "looked = at\nif not kinds or kinds[value % PLACES] then\ncount = count + 1\npositions[count] = at\nend",
        "looked = at\nif true then\ncount = count + 1\npositions[count] = at\nend",
    ),
    mutant("one list has no budget", "elseif budget.left <= 0 then", "elseif false then"),
    mutant(
        "a page of one list is all there is",
        "values, place = stream.values, stream.place\nend\nend\nelse",
        "values, place = stream.values, stream.place\nend\nend\nended = true\nelse",
    ),
    mutant(
        "a list ends with its chunk",
        "elseif stream.next >= stream.count then\nended = true",
        "elseif true then\nended = true",
    ),
    // Commands, locks, checkpoints.
    mutant("the command's number is not advanced", "commands = commands + 1\norder", "order"),
    mutant(
        "a time is looked for one too early",
        "if tonumber(string.match(record, '^%d+')) < since then",
        "if tonumber(string.match(record, '^%d+')) <= since then",
    ),
    mutant("a held lock is taken", "if holder and holder ~= ARGV[1] then", "if false then"),
    mutant(
        "the fence stands still",
        "redis.call('HINCRBY', KEYS[1], 'f', 1)",
        "redis.call('HINCRBY', KEYS[1], 'f', 0)",
    ),
    mutant(
        "a lease is renewed by anyone",
        "if redis.call('GET', KEYS[i]) ~= ARGV[i + 1] then",
        "if not redis.call('GET', KEYS[i]) then",
    ),
    mutant("a checkpoint is not compared", "if where == ARGV[1] then", "if true then"),
    mutant("a checkpoint's mark is not compared", "mark == ARGV[3] and 1 or 0", "at == ARGV[2] and 1 or 0"),
    mutant("a checkpoint at the beginning is one", "then where = '' end", "then where = where end"),
    mutant("bodies of another log are read", "math.floor(entry / 4096) ~= tonumber(ARGV[3])", "false"),
];
