package spanfile

import (
	"context"
	"errors"
	"fmt"
)

// RangeReader reads a file. It is safe for concurrent use.
type RangeReader interface {
	// ReadRange gives exactly n bytes from off on, which nobody changes afterwards, or an error.
	ReadRange(ctx context.Context, off, n int64) ([]byte, error)
}

// ReadOptions say how one file is read. The zero value is not valid: begin with DefaultReadOptions.
type ReadOptions struct {
	// Name is the file's name in errors.
	Name string
	// TailBytes is how much of the file's end Open reads first. When the footer and what belongs to it are longer, Open reads a second time.
	TailBytes int64
	// GapBytes is what a further read costs, as bytes that could be read in its time: pieces of a file that lie closer together are
	// read at once, with what is between them.
	GapBytes int64
	// MaxRequests bounds the reads of one look-up in one row group, whatever lies between its pieces.
	MaxRequests int
	// Shared is what the files of a store share. Nil makes one for this file.
	Shared *Shared
}

// DefaultReadOptions fit an object store: a request takes as long as reading half a megabyte. For a local disk, a GapBytes of 16 KiB and
// MaxRequests of 64 are right.
func DefaultReadOptions() ReadOptions {
	return ReadOptions{TailBytes: 256 << 10, GapBytes: 512 << 10, MaxRequests: 2}
}

// Validate lists every problem of the options.
func (o ReadOptions) Validate() error {
	var errs []error
	if o.TailBytes < 64 {
		errs = append(errs, fmt.Errorf("span file: TailBytes is %d; want 64 or more", o.TailBytes))
	}
	if o.GapBytes < 0 {
		errs = append(errs, fmt.Errorf("span file: GapBytes is %d; want 0 or more", o.GapBytes))
	}
	if o.MaxRequests < 1 {
		errs = append(errs, fmt.Errorf("span file: MaxRequests is %d; want 1 or more", o.MaxRequests))
	}
	return errors.Join(errs...)
}

// Among gives the file for a look-up that reads so many files: together they make no more requests than one would, but each makes one. A trace that was under way when a
// segment was sealed is in two files.
func (f *File) Among(files int) *File {
	const free = 16 // so many are allowed only where a request costs next to nothing
	if files <= 1 || f.opts.MaxRequests == 1 || f.opts.MaxRequests >= free {
		return f
	}
	share := *f
	share.opts.MaxRequests = max(1, f.opts.MaxRequests/files)
	return &share
}
