package fragment

import (
	"errors"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/taeldb/tael"
)

var errID = errors.New("an id has a wrong length")

// span decodes a Span message into d.row, which has a resource and a scope and nothing else.
func (d *Decoder) span(b []byte) error {
	r := &d.row
	var traceID, spanID, parentID []byte
	d.own, d.nested, d.events, d.links = d.own[:0], d.nested[:0], d.events[:0], d.links[:0]
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
			if i = r.number(b, i, tag); i < 0 {
				return errWire
			}
			continue
		}
		var from, to int
		if i < len(b) && b[i] < 0x80 {
			from = i + 1
			to = from + int(b[i])
		} else {
			from, to = lengthOf(b, i)
		}
		if to < 0 || to > len(b) {
			return errWire
		}
		content := b[from:to]
		i = to
		var err error
		switch tag {
		case tagSpanAttribute:
			d.own = append(d.own, Attr{})
			if a := &d.own[len(d.own)-1]; !a.readUsual(content) {
				err = a.read(content, false)
			}
		case tagSpanTraceID:
			traceID = content
		case tagSpanID:
			spanID = content
		case tagSpanParentID:
			parentID = content
		case tagSpanTraceState:
			r.TraceState = content
		case tagSpanName:
			r.Name = content
		case tagSpanEvent:
			err = d.event(content)
		case tagSpanLink:
			err = d.link(content)
		case tagSpanStatus:
			err = r.status(content)
		default:
			if tag>>3 == 0 || tag>>3 > uint64(protowire.MaxValidNumber) {
				err = errWire
			}
		}
		if err != nil {
			return err
		}
	}
	r.Attributes, r.Events, r.Links = d.own, d.events, d.links
	if !setID(r.TraceID[:], traceID) || !setID(r.SpanID[:], spanID) || !setID(r.ParentID[:], parentID) {
		return errID
	}
	return nil
}

// number decodes a field of a span that is not length-delimited and returns where it ends, below 0 when it is not valid.
func (r *Row) number(b []byte, i int, tag uint64) int {
	var n uint64
	switch tag {
	case tagSpanKind:
		n, i = uvarint(b, i)
		r.Kind = int32(n)
	case tagSpanStart:
		r.Start, i = fixed64(b, i)
	case tagSpanEnd:
		r.End, i = fixed64(b, i)
	case tagSpanFlags:
		r.Flags, i = fixed32(b, i)
	case tagSpanDroppedAttributes:
		n, i = uvarint(b, i)
		r.DroppedAttributes = uint32(n)
	case tagSpanDroppedEvents:
		n, i = uvarint(b, i)
		r.DroppedEvents = uint32(n)
	case tagSpanDroppedLinks:
		n, i = uvarint(b, i)
		r.DroppedLinks = uint32(n)
	default:
		return skip(b, i, tag)
	}
	return i
}

// setID copies an id, of which an empty one is zero. False is a wrong length.
func setID(id, b []byte) bool {
	copy(id, b)
	return len(b) == len(id) || len(b) == 0
}

// readUsual is read for most attributes in the usual encoding, and false for any other.
func (a *Attr) readUsual(b []byte) bool {
	key, value := usual(b)
	if key == 0 {
		return false
	}
	v := b[value:]
	switch v[0] {
	case tagAnyString:
		text := usualText(v)
		if text == 0 {
			return false
		}
		a.Kind, a.Bytes = tael.KindString, v[text:]
	case tagAnyInt:
		n, end := uvarint(v, 1)
		if end != len(v) {
			return false
		}
		a.Kind, a.Num = tael.KindInt, n
	case tagAnyDouble:
		n, end := fixed64(v, 1)
		if end != len(v) {
			return false
		}
		a.Kind, a.Num = tael.KindDouble, n
	default:
		return false
	}
	a.Key = b[2:key]
	return true
}

func (r *Row) status(b []byte) error {
	for i := 0; i < len(b); {
		tag, content, next := field(b, i)
		if next < 0 {
			return errWire
		}
		switch tag {
		case tagStatusMessage:
			r.StatusMessage = content
		case tagStatusCode:
			var n uint64
			n, next = uvarint(b, next)
			r.StatusCode = int32(n)
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

// nestedAttribute decodes an attribute of an event or a link.
func (d *Decoder) nestedAttribute(b []byte) error {
	d.nested = append(d.nested, Attr{})
	a := &d.nested[len(d.nested)-1]
	if a.readUsual(b) {
		return nil
	}
	return a.read(b, false)
}

func (d *Decoder) event(b []byte) error {
	var e EventRow
	from := len(d.nested)
	for i := 0; i < len(b); {
		tag, content, next := field(b, i)
		if next < 0 {
			return errWire
		}
		switch tag {
		case tagEventTime:
			e.Time, next = fixed64(b, next)
		case tagEventName:
			e.Name = content
		case tagEventAttribute:
			if err := d.nestedAttribute(content); err != nil {
				return err
			}
		case tagEventDropped:
			var n uint64
			n, next = uvarint(b, next)
			e.Dropped = uint32(n)
		default:
			next = rest(b, next, tag)
		}
		if next < 0 {
			return errWire
		}
		i = next
	}
	// When nested moves because it grows, this still points at the attributes where they were.
	e.Attributes = d.nested[from:len(d.nested):len(d.nested)]
	d.events = append(d.events, e)
	return nil
}

func (d *Decoder) link(b []byte) error {
	var l LinkRow
	var traceID, spanID []byte
	from := len(d.nested)
	for i := 0; i < len(b); {
		tag, content, next := field(b, i)
		if next < 0 {
			return errWire
		}
		switch tag {
		case tagLinkTraceID:
			traceID = content
		case tagLinkSpanID:
			spanID = content
		case tagLinkTraceState:
			l.TraceState = content
		case tagLinkAttribute:
			if err := d.nestedAttribute(content); err != nil {
				return err
			}
		case tagLinkDropped:
			var n uint64
			n, next = uvarint(b, next)
			l.Dropped = uint32(n)
		case tagLinkFlags:
			l.Flags, next = fixed32(b, next)
		default:
			next = rest(b, next, tag)
		}
		if next < 0 {
			return errWire
		}
		i = next
	}
	if !setID(l.TraceID[:], traceID) || !setID(l.SpanID[:], spanID) {
		return errID
	}
	l.Attributes = d.nested[from:len(d.nested):len(d.nested)]
	d.links = append(d.links, l)
	return nil
}
