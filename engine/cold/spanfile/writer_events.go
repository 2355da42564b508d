package spanfile

import "github.com/taeldb/tael/fragment"

// putEvents adds the events of the row.
func (a *attributeColumns) putEvents(events []fragment.EventRow, row int64) {
	c := &a.events
	rep := byte(0)
	for i := range events {
		e := &events[i]
		c.time.group.element(row, rep, 1)
		c.time.putNumber(e.Time)
		c.name.putText(validText(e.Name))
		c.dropped.putNumber(uint64(e.Dropped))
		a.putNested(c.strings, c.other, e.Attributes, row, rep)
		rep = 1
	}
}

// putLinks adds the links of the row.
func (a *attributeColumns) putLinks(links []fragment.LinkRow, row int64) {
	c := &a.links
	rep := byte(0)
	for i := range links {
		l := &links[i]
		c.traceID.group.element(row, rep, 1)
		c.traceID.putText(l.TraceID[:])
		c.spanID.putText(l.SpanID[:])
		c.state.putText(validText(l.TraceState))
		c.flags.putNumber(uint64(l.Flags))
		c.dropped.putNumber(uint64(l.Dropped))
		a.putNested(c.strings, c.other, l.Attributes, row, rep)
		rep = 1
	}
}

// putNested adds the attributes of an event or link. rep is the repetition level of the event or link itself.
func (a *attributeColumns) putNested(texts, other mapColumns, attrs []fragment.Attr, row int64, rep byte) {
	const inMap = 2 // repetition level of a further entry, definition level of an entry
	a.serial++
	textRep, otherRep := rep, rep
	for i := range attrs {
		at := &attrs[i]
		k := a.key(at.Key)
		first := k.seen != a.serial
		k.seen = a.serial
		if first && a.typed(at) == mapString {
			texts.key.group.element(row, textRep, inMap)
			textRep = inMap
			texts.key.putText(k.text)
			texts.value.putText(at.Bytes)
			continue
		}
		other.key.group.element(row, otherRep, inMap)
		otherRep = inMap
		other.key.putText(k.text)
		a.putValue(other.value, at, mapOther)
	}
	// Empty maps.
	if textRep == rep {
		texts.key.group.element(row, rep, 1)
	}
	if otherRep == rep {
		other.key.group.element(row, rep, 1)
	}
}
