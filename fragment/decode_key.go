package fragment

import "google.golang.org/protobuf/encoding/protowire"

// Keys walks a Fragment's Body as Rows does, and yields what tells spans and their versions apart: rows with trace and span id, kind, start and end, and
// the other plain numbers. All else is stepped over, which takes a third of the time; damage in it is for Rows to find.
func (d *Decoder) Keys(body []byte, yield func(*Row) error) error {
	for i := 0; i < len(body); {
		if len(body)-i < len(ResourceID{}) {
			return damaged(i, errWire)
		}
		from, to := lengthOf(body, i+len(ResourceID{}))
		if to < 0 {
			return damaged(i, errWire)
		}
		err := eachField(body[from:to], from, tagGroupScopeSpans, func(group []byte, at int) error {
			return eachField(group, at, tagScopeSpansSpan, func(span []byte, at int) error {
				d.row = Row{}
				if err := d.row.key(span); err != nil {
					return damaged(at, err)
				}
				return yield(&d.row)
			})
		})
		if err != nil {
			return err
		}
		i = to
	}
	return nil
}

// eachField yields the fields of a message that have the tag, which is length-delimited, and where they are in the body.
func eachField(b []byte, offset int, want uint64, yield func(b []byte, at int) error) error {
	for i := 0; i < len(b); {
		tag, content, next := field(b, i)
		if next >= 0 {
			next = rest(b, next, tag)
		}
		if next < 0 {
			return damaged(offset+i, errWire)
		}
		if tag == want {
			if err := yield(content, offset+next-len(content)); err != nil {
				return err
			}
		}
		i = next
	}
	return nil
}

// key decodes of a Span message what Decoder.Keys gives.
func (r *Row) key(b []byte) error {
	var traceID, spanID []byte
	for i := 0; i < len(b); {
		tag := uint64(b[i])
		if i++; tag >= 0x80 {
			if tag, i = uvarint(b, i-1); i < 0 {
				return errWire
			}
		}
		if tag&7 != 2 {
			if i = r.number(b, i, tag); i < 0 {
				return errWire
			}
			continue
		}
		// Most fields are attributes, of less than 128 bytes.
		var from, to int
		if i < len(b) && b[i] < 0x80 {
			from = i + 1
			to = from + int(b[i])
		} else {
			from, to = lengthOf(b, i)
		}
		if to < 0 || to > len(b) || tag>>3 == 0 || tag>>3 > uint64(protowire.MaxValidNumber) {
			return errWire
		}
		switch tag {
		case tagSpanTraceID:
			traceID = b[from:to]
		case tagSpanID:
			spanID = b[from:to]
		}
		i = to
	}
	if !setID(r.TraceID[:], traceID) || !setID(r.SpanID[:], spanID) {
		return errID
	}
	return nil
}
