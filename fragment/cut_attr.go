package fragment

import (
	"encoding/binary"
	"unicode/utf8"

	"github.com/taeldb/tael"
)

// attribute checks a KeyValue message and keeps its term. Nearly every attribute is encoded in the usual way. Then a short text is checked
// in one go with the lengths before it, and its term is the hash of the message as it is.
func (c *Cutter) attribute(b []byte) error {
	key, value := usual(b)
	if key == 0 {
		return c.anyAttribute(b)
	}
	v := b[value:]
	switch v[0] {
	case tagAnyString:
		text := usualText(v)
		switch {
		case text == 0:
			return c.anyAttribute(b)
		case len(b) < 0x80:
			if !ascii(b) && !(utf8.Valid(b[2:key]) && utf8.Valid(v[text:])) {
				return errUTF8
			}
			c.terms = append(c.terms, hashTerm(b))
			return nil
		}
		if !validText(b[2:key]) || !utf8.Valid(v[text:]) {
			return errUTF8
		}
		if len(v)-text > MaxTermText {
			b = b[:key]
		}
		c.terms = append(c.terms, hashTerm(b))
		return nil
	case tagAnyInt:
		n, end := uvarint(v, 1)
		if end != len(v) {
			return c.anyAttribute(b)
		}
		if !validText(b[2:key]) {
			return errUTF8
		}
		c.terms = append(c.terms, c.termer.number(b[:key], int64(n)))
		return nil
	case tagAnyDouble:
		if len(v) != 9 {
			return c.anyAttribute(b)
		}
		if !validText(b[2:key]) {
			return errUTF8
		}
		c.terms = append(c.terms, hashTerm(b[:key]))
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
