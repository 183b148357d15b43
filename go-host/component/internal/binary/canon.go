package binary

// canonFeature names the canonical built-ins that aren't supported.
func canonFeature(code byte) string {
	switch {
	case code >= 0x02 && code <= 0x04, code == 0x07:
		return "resource types"
	case code >= 0x1c && code <= 0x1e:
		return "error-context types"
	case code >= 0x26 && code <= 0x2d, code >= 0x40 && code <= 0x42:
		return "thread built-ins"
	case code >= 0x05 && code <= 0x25:
		return "async built-ins"
	default:
		return ""
	}
}

func (r *reader) canon() *Canon {
	start := r.offset()
	c := &Canon{}
	code := r.byte()
	if r.err != nil {
		return c
	}
	if code > 1 {
		if feature := canonFeature(code); feature != "" {
			r.refuse(start, feature)
		} else {
			r.fail(start, "unknown canonical definition %#x", code)
		}
		return c
	}
	c.Lift = code == 0
	if at, sort := r.offset(), r.byte(); sort != 0 {
		r.fail(at, "canonical definition of sort %#x instead of func", sort)
	}
	c.Func = r.u32()
	r.vec(func() { r.canonOption(c) })
	if c.Lift {
		c.Type = r.u32()
	}
	return c
}

func (r *reader) canonOption(c *Canon) {
	start := r.offset()
	code := r.byte()
	switch {
	case r.err != nil:
	case code == 0:
		if c.HasEncoding {
			r.fail(start, "string encoding given twice")
		}
		c.HasEncoding = true
	case code == 1:
		r.refuse(start, "strings in UTF-16")
	case code == 2:
		r.refuse(start, "strings in latin1+utf16")
	case code == 3:
		r.option(start, &c.Memory, "memory")
	case code == 4:
		r.option(start, &c.Realloc, "realloc")
	case code == 5:
		r.option(start, &c.PostReturn, "post-return")
	case code == 6, code == 7:
		r.refuse(start, "async functions")
	default:
		r.fail(start, "unknown canonical option %#x", code)
	}
}

func (r *reader) option(start int, to **uint32, name string) {
	if *to != nil {
		r.fail(start, "%s given twice", name)
	}
	index := r.u32()
	*to = &index
}
