package hot

// Stats are the store's own numbers, over all tenants.
type Stats struct {
	Segments     int   // the active one included
	Sealed       int   // that wait for their flush
	Leaving      int   // retired, still read by a snapshot or being removed
	Bytes        int64 // stored, of Segments
	HeaderBytes  int64 // of memory
	Spans        int64 // every version of a span counted
	Entries      int64
	OldestSealed uint64 // counter; 0 when none is sealed
	Gaps         []Gap
	Damaged      []string // names of the directories that are set aside
}

// Stats takes the numbers. It is cheap.
func (s *Store) Stats() Stats {
	s.mu.RLock()
	defer s.mu.RUnlock()
	st := Stats{
		Segments: len(s.segments), Leaving: len(s.leaving), Bytes: s.hotBytes.Load(), HeaderBytes: s.headerBytes.Load(),
		Gaps: append([]Gap(nil), s.gaps...), Damaged: append([]string(nil), s.damaged...),
	}
	for _, seg := range s.segments {
		v := seg.index.view()
		st.Spans += v.spans
		st.Entries += int64(len(v.records))
		if seg.sealed.Load() {
			if st.Sealed++; st.OldestSealed == 0 {
				st.OldestSealed = seg.counter
			}
		}
	}
	return st
}

// Filled is how much of what makes Append refuse is used, in percent: of the bytes, of the memory of headers, or of the segments, of which the active one has
// room, whichever is nearest.
func (s *Store) Filled() int {
	segments := len(s.Sealed())
	return int(max(
		s.hotBytes.Load()*100/s.opts.MaxHotBytes,
		s.headerBytes.Load()*100/s.opts.MaxHeaderBytes,
		int64(segments)*100/int64(s.opts.maxSegments()),
	))
}
