package fragment

import (
	"google.golang.org/protobuf/encoding/protowire"
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
			if i < len(b) && b[i] < 0x80 {
				tag = tag&0x7f | uint64(b[i])<<7
				i++
			} else if tag, i = uvarintLong(b, i-1); i < 0 {
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
			case tagSpanFlags:
				i = skipFixed(b, i, 4)
			case tagSpanDroppedAttributes, tagSpanDroppedEvents, tagSpanDroppedLinks:
				i = skipVarint(b, i)
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
