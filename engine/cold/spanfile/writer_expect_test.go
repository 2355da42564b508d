package spanfile

import (
	"fmt"
	"math"
	"sort"
	"strings"
	"unicode/utf8"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/fragment"
)

// A cell is what a column holds in a row, whichever library read it: nil, string (texts and bytes), int64, float64, bool, []entry for a
// map, []any of map[string]any for a list of structs.
type entry struct {
	key   string
	value any
}

// expect is the cells that docs/formats/spanfile.md promises for the row. It follows the page and not the writer's code.
func expect(tenant string, r *fragment.Row) map[string]any {
	cells := map[string]any{
		"tenant": tenant, "trace_id": string(r.TraceID[:]), "span_id": string(r.SpanID[:]), "parent_span_id": nil,
		"start_time": int64(r.Start / 1000), "start_nanos": int64(r.Start % 1000), "duration_nano": int64(r.End) - int64(r.Start), "sequence": int64(r.Sequence),
		"name": string(r.Name), "kind": int64(r.Kind), "status_code": int64(r.StatusCode), "status_message": emptyNil(r.StatusMessage), "trace_state": emptyNil(r.TraceState),
		"flags": int64(r.Flags), "dropped_attributes_count": int64(r.DroppedAttributes), "dropped_events_count": int64(r.DroppedEvents), "dropped_links_count": int64(r.DroppedLinks),
		"scope_name": r.Scope.Name, "scope_version": r.Scope.Version, "scope_otlp": string(appendScope(nil, r.Scope)),
		"service": r.Resource.ServiceName(), "resource": string(appendJSONObject(nil, r.Resource.Attributes)), "resource_otlp": string(appendResource(nil, &r.Resource.Resource)),
	}
	if !r.ParentID.IsZero() {
		cells["parent_span_id"] = string(r.ParentID[:])
	}
	promoted := map[string]Field{}
	for _, f := range Schema() {
		if f.Span != "" {
			promoted[f.Span] = f
			cells[f.Name] = nil
		}
		if f.Resource != "" {
			cells[f.Name] = nil
			if v, ok := tael.Lookup(r.Resource.Attributes, f.Resource); ok && v.Kind() == tael.KindString {
				cells[f.Name] = v.AsString()
			}
		}
	}
	maps := map[string][]entry{"attributes_string": nil, "attributes_int": nil, "attributes_double": nil, "attributes_bool": nil, "attributes_other": nil}
	seen := map[string]bool{}
	for i := range r.Attributes {
		a := &r.Attributes[i]
		key, value := string(a.Key), cellOf(a)
		name := map[tael.Kind]string{tael.KindString: "attributes_string", tael.KindInt: "attributes_int", tael.KindDouble: "attributes_double", tael.KindBool: "attributes_bool"}[a.Kind]
		text, isText := value.(string)
		f, ok := promoted[key]
		ok = ok && (f.Type == String && a.Kind == tael.KindString || f.Type == Long && a.Kind == tael.KindInt || f.Type == Double && a.Kind == tael.KindDouble)
		switch {
		case name == "" || seen[key] || isText && !utf8.ValidString(text):
			maps["attributes_other"] = append(maps["attributes_other"], entry{key, string(appendAttr(nil, a))})
		case ok:
			cells[f.Name] = value
		default:
			maps[name] = append(maps[name], entry{key, value})
		}
		seen[key] = true
	}
	for name, m := range maps {
		cells[name] = m
	}
	var events, links []any
	for _, e := range r.Events {
		s := map[string]any{"time_unix_nano": int64(e.Time), "name": string(e.Name), "dropped_attributes_count": int64(e.Dropped)}
		expectNested(s, e.Attributes)
		events = append(events, s)
	}
	for _, l := range r.Links {
		s := map[string]any{"trace_id": string(l.TraceID[:]), "span_id": string(l.SpanID[:]), "trace_state": string(l.TraceState), "flags": int64(l.Flags), "dropped_attributes_count": int64(l.Dropped)}
		expectNested(s, l.Attributes)
		links = append(links, s)
	}
	cells["events"], cells["links"] = events, links
	return cells
}

func expectNested(s map[string]any, attrs []fragment.Attr) {
	var texts, other []entry
	seen := map[string]bool{}
	for i := range attrs {
		a := &attrs[i]
		if key := string(a.Key); a.Kind == tael.KindString && !seen[key] && utf8.Valid(a.Bytes) {
			texts = append(texts, entry{key, string(a.Bytes)})
		} else {
			other = append(other, entry{key, string(appendAttr(nil, a))})
		}
		seen[string(a.Key)] = true
	}
	s["attributes"], s["attributes_other"] = texts, other
}

func cellOf(a *fragment.Attr) any {
	switch a.Kind {
	case tael.KindInt:
		return int64(a.Num)
	case tael.KindDouble:
		return math.Float64frombits(a.Num)
	case tael.KindBool:
		return a.Num != 0
	}
	return string(a.Bytes)
}

func emptyNil(b []byte) any {
	if len(b) == 0 {
		return nil
	}
	return string(b)
}

// show writes a cell so that equal cells, and no others, are equal texts. Doubles are equal by their bits.
func show(cell any) string {
	var b strings.Builder
	appendCell(&b, cell)
	return b.String()
}

func appendCell(b *strings.Builder, cell any) {
	switch c := cell.(type) {
	case nil:
		b.WriteString("null")
	case string:
		fmt.Fprintf(b, "%q", c)
	case float64:
		fmt.Fprintf(b, "double %x", math.Float64bits(c))
	case []entry:
		all := make([]string, 0, len(c))
		for _, e := range c {
			all = append(all, show(e.key)+"="+show(e.value))
		}
		b.WriteString("{" + strings.Join(all, " ") + "}")
	case []any:
		b.WriteString("[")
		for _, e := range c {
			appendCell(b, e)
		}
		b.WriteString("]")
	case map[string]any:
		names := make([]string, 0, len(c))
		for name := range c {
			names = append(names, name)
		}
		sort.Strings(names)
		b.WriteString("(")
		for _, name := range names {
			b.WriteString(name + ":")
			appendCell(b, c[name])
			b.WriteString(" ")
		}
		b.WriteString(")")
	default:
		fmt.Fprintf(b, "%v", c)
	}
}
