package spanfile

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/parquet-go/parquet-go"
)

func TestParquetGoReads(t *testing.T) {
	for name, c := range fileCases(t) {
		t.Run(name, func(t *testing.T) {
			data, _ := writeFile(t, c.opts, c.rows)
			pf, err := parquet.OpenFile(bytes.NewReader(data), int64(len(data)))
			if err != nil {
				t.Fatal(err)
			}
			var got []map[string]any
			for _, group := range pf.RowGroups() {
				rows := group.Rows()
				buffer := make([]parquet.Row, 100)
				for {
					n, err := rows.ReadRows(buffer)
					for _, row := range buffer[:n] {
						cells := map[string]any{}
						var values [][]parquet.Value
						row.Range(func(_ int, v []parquet.Value) bool {
							values = append(values, v)
							return true
						})
						for _, f := range Schema() {
							cells[f.Name] = assemble(f, &values, 0, 0)
						}
						got = append(got, cells)
					}
					if errors.Is(err, io.EOF) {
						break
					}
					if err != nil {
						t.Fatal(err)
					}
				}
				if err := rows.Close(); err != nil {
					t.Fatal(err)
				}
			}
			compareRows(t, c.opts, c.rows, got)
		})
	}
}

// assemble makes a field's cell of the values of its leaves, which it takes off the front. def and rep are the levels of what the field is in.
func assemble(f Field, leaves *[][]parquet.Value, def, rep int) any {
	switch f.Type {
	case Struct:
		s := map[string]any{}
		for _, m := range f.Fields {
			s[m.Name] = assemble(m, leaves, def, rep)
		}
		return s
	case List, Map:
		width := 0
		for _, m := range f.Fields {
			width += len(Leaves([]Field{m}))
		}
		mine := (*leaves)[:width]
		*leaves = (*leaves)[width:]
		var list []any
		var entries []entry
		// Every value at or below this list's repetition level begins an element.
		for at := make([]int, width); at[0] < len(mine[0]); {
			var element [][]parquet.Value
			for i, leaf := range mine {
				end := at[i] + 1
				for end < len(leaf) && leaf[end].RepetitionLevel() > rep+1 {
					end++
				}
				element = append(element, leaf[at[i]:end])
				at[i] = end
			}
			switch {
			case element[0][0].DefinitionLevel() <= def: // empty
			case f.Type == Map:
				entries = append(entries, entry{assemble(f.Fields[0], &element, def+1, rep+1).(string), assemble(f.Fields[1], &element, def+1, rep+1)})
			default:
				list = append(list, assemble(f.Fields[0], &element, def+1, rep+1))
			}
		}
		if f.Type == Map {
			return entries
		}
		return list
	}
	v := (*leaves)[0][0]
	*leaves = (*leaves)[1:]
	switch {
	case v.IsNull():
		return nil
	case f.Type == Int:
		return int64(v.Int32())
	case f.Type == Double:
		return v.Double()
	case f.Type == Boolean:
		return v.Boolean()
	case f.Type == Long || f.Type == Timestamp:
		return v.Int64()
	}
	return string(v.ByteArray())
}

// The page index must lead to the pages, and its bounds must hold every value of them.
func TestPageIndex(t *testing.T) {
	c := fileCases(t)["small groups"]
	data, _ := writeFile(t, c.opts, c.rows)
	pf, err := parquet.OpenFile(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	leaves := Leaves(Schema())
	for _, group := range pf.RowGroups() {
		for i, chunk := range group.ColumnChunks() {
			offsets, err := chunk.OffsetIndex()
			if err != nil {
				t.Fatal(err)
			}
			c := &column{Leaf: leaves[i]}
			index, err := chunk.ColumnIndex()
			if c.bounded() != (err == nil) && leaves[i].Type != Double { // a page of NaNs has no bounds
				t.Fatalf("column %s has no index as it should: %v", c.Name, err)
			}
			pages := chunk.Pages()
			for n := range offsets.NumPages() {
				if err := pages.SeekToRow(offsets.FirstRowIndex(n)); err != nil {
					t.Fatal(err)
				}
				page, err := pages.ReadPage()
				if err != nil {
					t.Fatal(err)
				}
				rows := group.NumRows()
				if n+1 < offsets.NumPages() {
					rows = offsets.FirstRowIndex(n + 1)
				}
				if got := page.NumRows(); got != rows-offsets.FirstRowIndex(n) {
					t.Fatalf("column %s page %d has %d rows, the index says %d", c.Name, n, got, rows-offsets.FirstRowIndex(n))
				}
				if index == nil {
					continue
				}
				values := make([]parquet.Value, page.NumValues())
				if _, err := page.Values().ReadValues(values); err != nil && !errors.Is(err, io.EOF) {
					t.Fatal(err)
				}
				nulls, compare := int64(0), chunk.Type().Compare
				for _, v := range values {
					switch {
					case v.IsNull():
						nulls++
					case v.Kind() == parquet.Double && v.Double() != v.Double():
					case compare(v, index.MinValue(n)) < 0 || compare(v, index.MaxValue(n)) > 0:
						t.Fatalf("column %s page %d: %v is not in %v to %v", c.Name, n, v, index.MinValue(n), index.MaxValue(n))
					}
				}
				if nulls != index.NullCount(n) || index.NullPage(n) != (nulls == page.NumValues()) {
					t.Fatalf("column %s page %d has %d nulls of %d, the index says %d", c.Name, n, nulls, len(values), index.NullCount(n))
				}
			}
			if err := pages.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
}
