package cold

import (
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/fragment"
)

// The column "row" of a scan is the file's number in the scan, shifted, and the row's number in the file.
const (
	rowBits  = 40
	rowMask  = 1<<rowBits - 1
	maxFiles = 1 << (63 - rowBits)
)

// located adds the file's number to the column "row" of a batch, which it takes over.
func located(batch arrow.RecordBatch, file int) arrow.RecordBatch {
	if file == 0 || batch.NumCols() == 0 {
		return batch
	}
	rows, ok := batch.Column(0).(*array.Int64)
	if !ok || batch.ColumnName(0) != fragment.ColumnRow {
		return batch
	}
	moved := make([]int64, rows.Len())
	for i, row := range rows.Int64Values() {
		moved[i] = int64(file)<<rowBits | row
	}
	buffer := memory.NewBufferBytes(arrow.Int64Traits.CastToBytes(moved))
	data := array.NewData(arrow.PrimitiveTypes.Int64, len(moved), []*memory.Buffer{nil, buffer}, nil, 0, 0)
	defer data.Release()
	column := array.NewInt64Data(data)
	defer column.Release()
	columns := append([]arrow.Array{column}, batch.Columns()[1:]...)
	out := array.NewRecordBatch(batch.Schema(), columns, batch.NumRows())
	batch.Release()
	return out
}

func errNoRow(row int64) error {
	return fmt.Errorf("cold: fetch row %d: %w: no batch of this scan had it", row, tael.ErrInvalid)
}

func errTooManyFiles(n int) error {
	return fmt.Errorf("cold: scan: %w: the tenant has %d data files, a scan takes %d", tael.ErrBudget, n, maxFiles)
}
