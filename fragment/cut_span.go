package fragment

import (
	"bytes"
	"encoding/binary"
	"hash/maphash"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/taeldb/tael"
)

// seenSpan is what Cut needs to know of a span. Slices point into the request.
type seenSpan struct {
	traceID, spanID, parentID []byte
	name                      []byte
	start, end                uint64
	kind, status              int32
	attributes                int
	badLink                   bool
}

// span walks a Span message: the field that holds it is body[start:end].
func (c *Cutter) span(b []byte, start, end int, scope int32) error {
	var s seenSpan
	firstTerm := len(c.terms)
	for i := 0; i < len(b); {
		tag := uint64(b[i])
		if i++; tag >= 0x80 {
			if tag, i = uvarintLong(b, i-1); i < 0 {
				return errWire
			}
		}
		if tag&7 != 2 {
			switch tag {
			case tagSpanKind:
				var n uint64
				n, i = uvarint(b, i)
				s.kind = int32(n)
			case tagSpanStart:
				s.start, i = fixed64(b, i)
			case tagSpanEnd:
				s.end, i = fixed64(b, i)
			default:
				i = skip(b, i, tag)
			}
			if i < 0 {
				return errWire
			}
			continue
		}
		// The length, of which one and two bytes are the common cases.
		if i >= len(b) {
			return errWire
		}
		n := int(b[i])
		if i++; n >= 0x80 {
			if i < len(b) && b[i] < 0x80 {
				n = n&0x7f | int(b[i])<<7
				i++
			} else {
				var from, to int
				if from, to = lengthOf(b, i-1); to < 0 {
					return errWire
				}
				i, n = from, to-from
			}
		}
		if n > len(b)-i {
			return errWire
		}
		content := b[i : i+n]
		i += n
		var err error
		switch tag {
		case tagSpanAttribute:
			s.attributes++
			err = c.attribute(content)
		case tagSpanTraceID:
			s.traceID = content
		case tagSpanID:
			s.spanID = content
		case tagSpanParentID:
			s.parentID = content
		case tagSpanTraceState, tagSpanName:
			if !validText(content) {
				return errUTF8
			}
			if tag == tagSpanName {
				s.name = content
			}
		case tagSpanEvent:
			err = checkEvent(content)
		case tagSpanLink:
			err = c.link(content, &s)
		case tagSpanStatus:
			err = readStatus(content, &s)
		default:
			if tag>>3 == 0 || tag>>3 > uint64(protowire.MaxValidNumber) {
				return errWire
			}
		}
		if err != nil {
			return err
		}
	}
	if why, bad := c.refuse(&s, len(b)); bad {
		c.terms = c.terms[:firstTerm]
		c.reject(&s, len(b), why)
		return nil
	}
	c.note(&s, cutSpan{start: int32(start), end: int32(end), firstTerm: int32(firstTerm), lastTerm: int32(len(c.terms)), next: -1}, scope)
	return nil
}

// attribute checks a KeyValue message and keeps its term. Nearly every attribute is encoded in the usual way, key before value and lengths
// below 128: then its text is checked in one go with the lengths in between, and a string's term is the hash of the message as it is.
func (c *Cutter) attribute(b []byte) error {
	if len(b) < 4 || b[0] != tagKeyValueKey || b[1] >= 0x80 {
		return c.anyAttribute(b)
	}
	at := 2 + int(b[1]) // of the value
	if at+4 > len(b) || b[at] != tagKeyValueValue || int(b[at+1]) != len(b)-at-2 || b[at+1] >= 0x80 {
		return c.anyAttribute(b)
	}
	switch v := b[at+2:]; v[0] {
	case tagAnyString:
		if int(v[1]) != len(v)-2 {
			return c.anyAttribute(b)
		}
		if !ascii(b) && !(utf8.Valid(b[2:at]) && utf8.Valid(v[2:])) {
			return errUTF8
		}
		c.terms = append(c.terms, hashTerm(b))
		return nil
	case tagAnyInt:
		n, end := uvarint(v, 1)
		if end != len(v) {
			return c.anyAttribute(b)
		}
		if !validText(b[2:at]) {
			return errUTF8
		}
		c.terms = append(c.terms, c.termer.attribute(b[2:at], tael.KindInt, n, nil))
		return nil
	case tagAnyDouble:
		if len(v) != 9 {
			return c.anyAttribute(b)
		}
		if !validText(b[2:at]) {
			return errUTF8
		}
		c.terms = append(c.terms, hashTerm(b[:at]))
		return nil
	}
	return c.anyAttribute(b)
}

// anyAttribute is attribute for every encoding.
func (c *Cutter) anyAttribute(b []byte) error {
	var a Attr
	if err := a.read(b, true); err != nil {
		return err
	}
	if term := c.termer.attribute(a.Key, a.Kind, a.Num, a.Bytes); term != 0 {
		c.terms = append(c.terms, term)
	}
	return nil
}

// ascii tells whether no byte has its high bit set.
func ascii(b []byte) bool {
	if len(b) < 8 {
		return false
	}
	or := binary.LittleEndian.Uint64(b[len(b)-8:])
	for ; len(b) >= 8; b = b[8:] {
		or |= binary.LittleEndian.Uint64(b)
	}
	return or&highBits == 0
}

// checkEvent tells whether an Event message can be decoded.
func checkEvent(b []byte) error {
	for i := 0; i < len(b); {
		tag, content, next := field(b, i)
		if next >= 0 {
			next = rest(b, next, tag)
		}
		if next < 0 {
			return errWire
		}
		switch tag {
		case tagEventName:
			if !validText(content) {
				return errUTF8
			}
		case tagEventAttribute:
			if err := checkPair(content, 1); err != nil {
				return err
			}
		}
		i = next
	}
	return nil
}

// link checks a Link message.
func (c *Cutter) link(b []byte, s *seenSpan) error {
	traceID, spanID := 0, 0
	for i := 0; i < len(b); {
		tag, content, next := field(b, i)
		if next >= 0 {
			next = rest(b, next, tag)
		}
		if next < 0 {
			return errWire
		}
		switch tag {
		case tagLinkTraceID:
			traceID = len(content)
		case tagLinkSpanID:
			spanID = len(content)
		case tagLinkTraceState:
			if !validText(content) {
				return errUTF8
			}
		case tagLinkAttribute:
			if err := checkPair(content, 1); err != nil {
				return err
			}
		}
		i = next
	}
	if traceID != 0 && traceID != len(tael.TraceID{}) || spanID != 0 && spanID != len(tael.SpanID{}) {
		s.badLink = true
	}
	return nil
}

// readStatus decodes a Status message over the status that s has.
func readStatus(b []byte, s *seenSpan) error {
	for i := 0; i < len(b); {
		tag, content, next := field(b, i)
		if next < 0 {
			return errWire
		}
		switch tag {
		case tagStatusMessage:
			if !validText(content) {
				return errUTF8
			}
		case tagStatusCode:
			var n uint64
			n, next = uvarint(b, next)
			s.status = int32(n)
		default:
			next = rest(b, next, tag)
		}
		if next < 0 {
			return errWire
		}
		i = next
	}
	return nil
}

// note keeps an accepted span under its trace.
func (c *Cutter) note(s *seenSpan, span cutSpan, scope int32) {
	t := &c.traces[c.trace(s.traceID)]
	h := &t.header
	if h.Spans == 0 {
		h.MinStart = s.start
	}
	h.Spans++
	h.MinStart = min(h.MinStart, s.start)
	h.MaxStart = max(h.MaxStart, s.start)
	h.MaxEnd = max(h.MaxEnd, s.end)
	h.MaxDuration = max(h.MaxDuration, tael.Duration(s.start, s.end))
	if s.status == int32(tael.StatusError) {
		h.Errors++
	}
	if uint32(s.kind) < smallNumbers {
		t.kinds |= 1 << s.kind
	} else {
		c.terms = append(c.terms, TermKind(s.kind))
		span.lastTerm++
	}
	if uint32(s.status) < smallNumbers {
		t.statuses |= 1 << s.status
	} else {
		c.terms = append(c.terms, TermStatus(s.status))
		span.lastTerm++
	}
	t.terms += span.lastTerm - span.firstTerm

	number, size := int32(len(c.spans)), span.end-span.start
	c.spans = append(c.spans, span)
	if t.last >= 0 {
		if r := &c.runs[t.last]; r.scope == scope {
			c.spans[r.last].next = number
			r.last = number
			r.bytes += size
			return
		}
	}
	run := int32(len(c.runs))
	c.runs = append(c.runs, cutRun{scope: scope, bytes: size, first: number, last: number, next: -1, nextSame: -1})
	if t.last >= 0 {
		c.runs[t.last].next = run
	} else {
		t.first = run
	}
	t.last = run
}

// trace finds or adds the trace.
func (c *Cutter) trace(id []byte) int {
	if 2*len(c.traces) >= len(c.slots) {
		c.growSlots()
	}
	mask := uint64(len(c.slots) - 1)
	for at := maphash.Bytes(c.seed, id) & mask; ; at = (at + 1) & mask {
		n := c.slots[at]
		if n == 0 {
			c.traces = append(c.traces, cutTrace{id: tael.TraceID(id), first: -1, last: -1})
			c.slots[at] = int32(len(c.traces))
			return len(c.traces) - 1
		}
		if bytes.Equal(c.traces[n-1].id[:], id) {
			return int(n - 1)
		}
	}
}

func (c *Cutter) growSlots() {
	c.slots = make([]int32, 2*len(c.slots))
	mask := uint64(len(c.slots) - 1)
	for n := range c.traces {
		at := maphash.Bytes(c.seed, c.traces[n].id[:]) & mask
		for c.slots[at] != 0 {
			at = (at + 1) & mask
		}
		c.slots[at] = int32(n + 1)
	}
}
