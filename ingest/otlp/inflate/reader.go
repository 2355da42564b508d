package inflate

import "io"

// Reader unpacks what lies whole in memory, for somebody who reads it piece by piece and does not keep what was read. It holds some 150 KiB.
type Reader struct {
	d        Decoder
	from, to int // what of the window was not read yet
	err      error
	window   [4 * Window]byte
}

var _ io.Reader = (*Reader)(nil)

// Reset begins a new stream. src is borrowed until the next Reset.
func (r *Reader) Reset(src []byte) {
	r.d.Reset(src)
	r.from, r.to, r.err = 0, 0, nil
}

// Read implements io.Reader.
func (r *Reader) Read(p []byte) (int, error) {
	for r.from == r.to && len(p) > 0 {
		if r.err != nil {
			return 0, r.err
		}
		if r.to == len(r.window) {
			r.to = copy(r.window[:], r.window[r.to-Window:])
		}
		r.from = r.to
		var b []byte
		b, r.err = r.d.Append(r.window[:r.to])
		r.to = len(b)
	}
	n := copy(p, r.window[r.from:r.to])
	r.from += n
	return n, nil
}
