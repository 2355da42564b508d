package spanfile

// TraceFilter is the fragment filter over fragment.TermTrace of the file's traces, for a caller that keeps it longer than the
// file. It is not to be changed.
func (f *File) TraceFilter() []byte { return f.traces }
