package fragment

import (
	"errors"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/taeldb/tael"
)

var errSkeleton = errors.New("fragment: not there yet")

type Cutter struct{ limits Limits }

func NewCutter(limits Limits) *Cutter { return &Cutter{limits: limits} }

func (c *Cutter) Cut(tenant string, body []byte, now time.Time) (*Batch, Rejected, error) {
	return nil, Rejected{}, errSkeleton
}

type Decoder struct{}

func NewDecoder() *Decoder { return &Decoder{} }

// Rows walks the groups of a Fragment's Body.
func (d *Decoder) Rows(body []byte, resource func(ResourceID) ([]byte, error), yield func(*Row) error) error {
	return errSkeleton
}

func (r *Row) Span() tael.Span                        { return tael.Span{} }
func (r *Row) Matches(f *tael.Filter) bool            { return false }
func (a Attr) Value() (tael.Value, error)             { return tael.Value{}, errSkeleton }
func AppendValue(dst []byte, v tael.Value) []byte     { return dst }
func ParseValue(b []byte) (tael.Value, error)         { return tael.Value{}, errSkeleton }
func AppendOTLP(dst []byte, spans []tael.Span) []byte { return dst }
func AppendBody(dst []byte, spans []tael.Span) (body []byte, resources []Resource) {
	return dst, nil
}

// Entry is several fragments of one trace as the hot tier stores them.
type Entry struct {
	Header Header
	Filter []byte // borrowed
	Packed []byte // borrowed
}

func AppendEntry(dst []byte, fs []*Fragment) []byte { return dst }
func ReadEntry(b []byte) (Entry, error)             { return Entry{}, errSkeleton }
func (e Entry) Body(dst []byte) ([]byte, error)     { return dst, errSkeleton }

type BatchBuilder struct{}

func NewBatchBuilder(mem memory.Allocator, c Columns) *BatchBuilder { return &BatchBuilder{} }
func (b *BatchBuilder) Append(locator int64, r *Row)                {}
func (b *BatchBuilder) Len() int                                    { return 0 }
func (b *BatchBuilder) NewBatch() arrow.RecordBatch                 { return nil }
func (b *BatchBuilder) Release()                                    {}
