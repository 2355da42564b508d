package spanfile

import (
	"errors"
	"fmt"

	"github.com/taeldb/tael"
)

// WriterOptions of a Writer. DefaultWriterOptions fills in everything but Tenant.
type WriterOptions struct {
	// Tenant is the value of the column "tenant" in every row.
	Tenant string
	// CreatedBy names the program and its version in the file's footer.
	CreatedBy string
	// RowGroupRows is the number of rows after which a row group ends, as soon as a trace does, and at the latest an eighth later.
	RowGroupRows int
	// RowGroupBytes ends a row group before that when its encoded pages are as large. It bounds the writer's memory.
	RowGroupBytes int
	// PageRows is the number of rows after which the pages of a column end. A column with few bytes goes on for a multiple of it.
	PageRows int
	// PageBytes ends a page before that when its values are as large: pages of text.
	PageBytes int
	// DictionaryBytes bounds a column's dictionary in a row group; a resource's may have four times as much.
	DictionaryBytes int
	// TraceBits and TermBits are the bits that the filters spend on each trace of the file and on each term of a row group.
	TraceBits, TermBits int
}

// DefaultWriterOptions are the options that taeld starts from; docs/adr/003-row-order-and-sizes.md has the measurements.
func DefaultWriterOptions() WriterOptions {
	return WriterOptions{
		CreatedBy:       "tael",
		RowGroupRows:    32_768,
		RowGroupBytes:   16 << 20,
		PageRows:        8_192,
		PageBytes:       512 << 10,
		DictionaryBytes: 256 << 10,
		TraceBits:       10,
		TermBits:        8,
	}
}

// Validate lists every problem of the options.
func (o WriterOptions) Validate() error {
	var errs []error
	if err := tael.CheckTenant(o.Tenant); err != nil {
		errs = append(errs, err)
	}
	between := func(name string, v, low, high int) {
		if v < low || v > high {
			errs = append(errs, fmt.Errorf("%s is %d, want %d to %d", name, v, low, high))
		}
	}
	between("RowGroupRows", o.RowGroupRows, 1, 1<<24)
	between("RowGroupBytes", o.RowGroupBytes, 64<<10, 1<<30)
	between("PageRows", o.PageRows, 1, 1<<20)
	between("PageBytes", o.PageBytes, 1<<10, 64<<20)
	between("DictionaryBytes", o.DictionaryBytes, 0, 64<<20)
	between("TraceBits", o.TraceBits, 1, 64)
	between("TermBits", o.TermBits, 1, 64)
	return errors.Join(errs...)
}
