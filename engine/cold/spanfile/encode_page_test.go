package spanfile

import (
	"bytes"
	"io"
	"math/rand/v2"
	"runtime"
	"testing"
)

// manyPages are options that make a batch of pages every few rows, and row groups that end by their bytes.
func manyPages() WriterOptions {
	o := testOptions()
	o.PageRows, o.PageBytes, o.RowGroupBytes = 64, 8<<10, 64<<10
	return o
}

// A file is the same whether its pages are compressed beside the rows or between them.
func TestAFileDoesNotDependOnScheduling(t *testing.T) {
	rows := randomRows(rand.New(rand.NewPCG(7, 7)), 4000)
	want, info := writeFile(t, manyPages(), rows)
	if len(info.Splits) < 2 {
		t.Fatalf("%d row groups, want some that end by their bytes", len(info.Splits))
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	for range 3 {
		if got, _ := writeFile(t, manyPages(), rows); !bytes.Equal(got, want) {
			t.Fatal("the file differs")
		}
	}
}

// What Bytes says lags behind by no more than a batch, so that a writer of endless rows ends its row groups and files in time.
func TestBytesOfAnUnfinishedFile(t *testing.T) {
	o := manyPages()
	o.RowGroupBytes = 1 << 30
	w := NewWriter(io.Discard, o)
	var said []int64
	for _, r := range randomRows(rand.New(rand.NewPCG(8, 8)), 2000) {
		if err := w.Append(r); err != nil {
			t.Fatal(err)
		}
		said = append(said, w.Bytes())
	}
	half := said[len(said)/2]
	info, err := w.Close()
	if err != nil {
		t.Fatal(err)
	}
	if last := said[len(said)-1]; half*3 < info.Bytes/2 || last*2 < info.Bytes || last > info.Bytes {
		t.Errorf("of a file of %d bytes the writer said %d before the end, and %d half way", info.Bytes, last, half)
	}
}

// A writer may be forgotten at any row: the check for goroutines at the end of all tests sees that nothing stays behind.
func TestAWriterMayBeForgotten(t *testing.T) {
	rows := randomRows(rand.New(rand.NewPCG(9, 9)), 300)
	for _, n := range []int{1, 64, 65, 299} {
		w := NewWriter(io.Discard, manyPages())
		for _, r := range rows[:n] {
			if err := w.Append(r); err != nil {
				t.Fatal(err)
			}
		}
	}
}
