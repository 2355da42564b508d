package spanfile

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/fragment"
)

// spanColumns are the columns of a span's own fields.
type spanColumns struct {
	tenant, traceID, spanID, parent, start, startNanos, duration, sequence, name, kind, status, message, flags, state *column

	droppedAttributes, droppedEvents, droppedLinks *column
	tenantAt                                       int32
}

func (s *spanColumns) bind(byPath map[string]*column) {
	for name, c := range map[string]**column{
		"tenant": &s.tenant, "trace_id": &s.traceID, "span_id": &s.spanID, "parent_span_id": &s.parent, "start_time": &s.start,
		"start_nanos": &s.startNanos, "duration_nano": &s.duration, "sequence": &s.sequence, "name": &s.name, "kind": &s.kind, "status_code": &s.status,
		"status_message": &s.message, "flags": &s.flags, "trace_state": &s.state, "dropped_attributes_count": &s.droppedAttributes,
		"dropped_events_count": &s.droppedEvents, "dropped_links_count": &s.droppedLinks,
	} {
		*c = byPath[name]
	}
}

func pathOf(path []string) string { return strings.Join(path, ".") }

// put adds a row to every column that has a value for it. fresh says that it is the first of its trace.
func (w *Writer) put(r *fragment.Row, fresh bool) {
	if fresh {
		w.trace = r.TraceID
		w.info.Traces++
		w.traceTerms = append(w.traceTerms, fragment.TermTrace(r.TraceID))
	}
	if fresh || w.row == 0 {
		w.bounds.Traces++
		w.traces = append(w.traces, uint64(traceHash(r.TraceID))<<32|uint64(w.row))
		w.traceAt = noIndex
	}
	w.bounds.add(r.Start, r.End, r.StatusCode == int32(tael.StatusError))
	w.terms.addCodes(r)

	s := &w.span
	if w.row == 0 || s.tenantAt == noIndex {
		s.tenantAt = s.tenant.putText([]byte(w.opts.Tenant))
	} else {
		s.tenant.putIndex(s.tenantAt)
	}
	if w.traceAt == noIndex || s.traceID.encoding != Dictionary {
		w.traceAt = s.traceID.putText(r.TraceID[:])
	} else {
		s.traceID.putIndex(w.traceAt)
	}
	s.spanID.putText(r.SpanID[:])
	if !r.ParentID.IsZero() {
		s.parent.group.value(w.row)
		s.parent.putText(r.ParentID[:])
	}
	s.start.putNumber(r.Start / 1000)
	s.startNanos.putNumber(r.Start % 1000)
	s.duration.putNumber(r.End - r.Start)
	s.sequence.putNumber(r.Sequence)
	s.name.putText(validText(r.Name))
	s.kind.putNumber(uint64(int64(r.Kind)))
	s.status.putNumber(uint64(int64(r.StatusCode)))
	w.putOptional(s.message, r.StatusMessage)
	w.putOptional(s.state, r.TraceState)
	s.flags.putNumber(uint64(r.Flags))
	s.droppedAttributes.putNumber(uint64(r.DroppedAttributes))
	s.droppedEvents.putNumber(uint64(r.DroppedEvents))
	s.droppedLinks.putNumber(uint64(r.DroppedLinks))
	w.derived.put(r, w.row)
	w.attrs.put(r, w.row)
	w.row++
}

func (w *Writer) putOptional(c *column, v []byte) {
	if len(v) > 0 {
		c.group.value(w.row)
		c.putText(validText(v))
	}
}

// validText replaces what is not UTF-8, because a text column of Parquet must be, or other engines refuse the file.
func validText(v []byte) []byte {
	if utf8.Valid(v) {
		return v
	}
	return bytes.ToValidUTF8(v, []byte("\uFFFD"))
}
