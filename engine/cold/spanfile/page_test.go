package spanfile

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/encoding/delta"
	"github.com/parquet-go/parquet-go/encoding/rle"
	"github.com/parquet-go/parquet-go/format"
)

// randomRuns makes values of so many bits with long and short runs.
func randomRuns(r *rand.Rand, n, width int) []int32 {
	v := make([]int32, 0, n)
	for len(v) < n {
		x := int32(r.Uint32() & (1<<width - 1))
		k := 1 + r.IntN(40)
		same := r.IntN(2) == 0
		for range min(k, n-len(v)) {
			v = append(v, x)
			if !same {
				x = int32(r.Uint32() & (1<<width - 1))
			}
		}
	}
	return v
}

func TestHybridReadsWhatParquetGoWrites(t *testing.T) {
	r := randomSource(t)
	for width := 1; width <= 31; width++ {
		for range 20 {
			n := 1 + r.IntN(700)
			want := randomRuns(r, n, width)
			packed, err := (&rle.Encoding{BitWidth: width}).EncodeInt32(nil, want)
			if err != nil {
				t.Fatal(err)
			}
			h, err := newHybrid(packed, uint(width))
			if err != nil {
				t.Fatal(err)
			}
			for at := 0; at < n; {
				k := min(1+r.IntN(90), n-at)
				part := want[at : at+k]
				switch r.IntN(3) {
				case 0:
					got := make([]uint32, k)
					if err := h.read(got); err != nil {
						t.Fatal(err)
					}
					for i := range got {
						if int32(got[i]) != part[i] {
							t.Fatalf("width %d value %d is %d, want %d", width, at+i, got[i], part[i])
						}
					}
				case 1:
					if err := h.skip(k); err != nil {
						t.Fatal(err)
					}
				default:
					wanted := uint32(part[r.IntN(k)])
					count := 0
					for _, v := range part {
						if uint32(v) == wanted {
							count++
						}
					}
					if got, err := h.count(k, wanted); err != nil || got != count {
						t.Fatalf("width %d: %d of %d in [%d, %d), want %d: %v", width, got, wanted, at, at+k, count, err)
					}
				}
				at += k
			}
		}
	}
}

func TestLevelsPassRows(t *testing.T) {
	r := randomSource(t)
	for range 400 {
		top := uint8(1 + r.IntN(3))
		n := 1 + r.IntN(500)
		levels := make([]byte, n)
		for i, v := range randomRuns(r, n, 2) {
			levels[i] = min(uint8(v), top)
		}
		levels[0] = 0
		packed, err := (&rle.Encoding{BitWidth: int(levelWidth(top))}).EncodeLevels(nil, levels)
		if err != nil {
			t.Fatal(err)
		}
		h, err := newHybrid(packed, levelWidth(top))
		if err != nil {
			t.Fatal(err)
		}
		for at := 0; at < n; {
			rows := 1 + r.IntN(10)
			want, seen := 0, 0
			for ; at+want < n; want++ {
				if levels[at+want] == 0 {
					if seen == rows {
						break
					}
					seen++
				}
			}
			if r.IntN(2) == 0 {
				got, err := h.pass(rows, n-at)
				if err != nil || got != want {
					t.Fatalf("passed %d, want %d: %v", got, want, err)
				}
			} else {
				got := make([]byte, want)
				full, err := h.levels(got, top)
				if err != nil || !bytes.Equal(got, levels[at:at+want]) || full != bytes.Count(got, []byte{top}) {
					t.Fatalf("levels %v (%d full), want %v: %v", got, full, levels[at:at+want], err)
				}
			}
			at += want
		}
	}
	for _, top := range []uint8{1, 2} {
		packed, err := (&rle.Encoding{BitWidth: 2}).EncodeLevels(nil, []byte{0, 1, 3, 0, 1, 3, 1, 0})
		if err != nil {
			t.Fatal(err)
		}
		h := hybrid{data: packed, width: 2}
		if _, err := h.levels(make([]uint8, 8), top); err == nil {
			t.Fatal("a level over the maximum was taken")
		}
	}
}

func TestDeltaReadsWhatParquetGoWrites(t *testing.T) {
	r := randomSource(t)
	for i := range 300 {
		n := r.IntN(700)
		want := make([]int64, n)
		v := r.Int64()
		for k := range want {
			switch i % 4 {
			case 0:
				v += r.Int64N(1000)
			case 1:
				v = int64(r.Uint64())
			case 2:
				v = int64(r.Uint64() >> r.IntN(64))
			}
			want[k] = v
		}
		packed, err := (&delta.BinaryPackedEncoding{}).EncodeInt64(nil, want)
		if err != nil {
			t.Fatal(err)
		}
		from := r.IntN(n + 1)
		to := from + r.IntN(n-from+1)
		got, err := decodeDelta(nil, packed, n, from, to)
		if err != nil || !slices.Equal(got, want[from:to]) {
			t.Fatalf("values [%d, %d) of %d: %v", from, to, n, err)
		}
		if _, err := decodeDelta(nil, packed, n, 0, n+1); err == nil {
			t.Fatal("more values than there are were read")
		}
	}
}

// TestPagesOfEveryKind reads ranges of rows of flat and repeated pages, in every encoding, version and compression.
func TestPagesOfEveryKind(t *testing.T) {
	r := randomSource(t)
	shared, err := NewShared(1 << 20)
	if err != nil {
		t.Fatal(err)
	}
	p := shared.reader()
	words := make([]string, 40)
	dict := &values{ends: []int32{0}}
	for i := range words {
		words[i] = fmt.Sprintf("word %d", i*i)
		if err := dict.add([]byte(words[i])); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 600 {
		s := shape{physical: format.ByteArray, maxDef: uint8(r.IntN(2)), maxRep: uint8(r.IntN(2))}
		if s.maxRep > 0 {
			s.maxDef = 1
		}
		rows := 1 + r.IntN(300)
		var rep, def, raw []byte
		var index []int32
		texts := make([][]string, rows) // what each row has; "null" is no value
		slots, nulls := 0, 0
		for row := range rows {
			n := 1
			if s.maxRep > 0 {
				n = r.IntN(5)
			}
			for k := range max(n, 1) {
				slots++
				rep = append(rep, byte(min(k, 1)))
				if n == 0 || s.maxDef > 0 && s.maxRep == 0 && r.IntN(3) > 0 {
					def = append(def, 0)
					nulls++
					continue
				}
				def = append(def, s.maxDef)
				w := r.IntN(len(words))
				texts[row] = append(texts[row], words[w])
				index = append(index, int32(w))
				raw = append(binary.LittleEndian.AppendUint32(raw, uint32(len(words[w]))), words[w]...)
			}
		}
		e := format.Plain
		if i%2 == 0 {
			e = format.RLEDictionary
			packed, err := (&rle.Encoding{BitWidth: 6}).EncodeInt32(nil, index)
			if err != nil {
				t.Fatal(err)
			}
			raw = append([]byte{6}, packed...)
		}
		codec, page := testPage(t, r.IntN(2) == 0, r.IntN(2) == 0, s, rep, def, raw, slots, nulls, rows, e)
		var sel []rowRange
		for at := r.IntN(5); at < rows; {
			to := min(at+1+r.IntN(20), rows)
			sel = append(sel, rowRange{at, to})
			at = to + r.IntN(50)
		}
		v := &vector{shape: s}
		if i%3 == 0 { // after values of its own, a page of indexes is copied
			v.ends = []int32{0}
			if err := v.add([]byte("before")); err != nil {
				t.Fatal(err)
			}
		}
		before := v.count()
		if err := p.data(v, codec, page, rows, sel, func() (*values, error) { return dict, nil }); err != nil {
			t.Fatal(err)
		}
		at := before
		for _, x := range sel {
			for row := x.from; row < x.to; row++ {
				for _, want := range texts[row] {
					if got := v.text(at); got != want {
						t.Fatalf("page %d row %d: %q, want %q", i, row, got, want)
					}
					at++
				}
			}
		}
		if at != v.count() {
			t.Fatalf("page %d: %d values, want %d", i, v.count(), at)
		}
	}
}

// TestPagesOfParquetGo reads the pages of a file that parquet-go wrote, of both versions.
func TestPagesOfParquetGo(t *testing.T) {
	type row struct {
		ID    int64    `parquet:"id,delta"`
		Ratio float64  `parquet:"ratio"`
		Flag  bool     `parquet:"flag"`
		Code  int32    `parquet:"code,dict"`
		Key   [8]byte  `parquet:"key"`
		Names []string `parquet:"names,dict"`
	}
	r := randomSource(t)
	for version := 1; version <= 2; version++ {
		rows := make([]row, 3000)
		for i := range rows {
			rows[i] = row{ID: r.Int64(), Ratio: r.Float64(), Flag: r.IntN(2) == 0, Code: r.Int32N(9), Key: [8]byte{byte(i), byte(i >> 8)}}
			for range r.IntN(4) {
				rows[i].Names = append(rows[i].Names, pick(r, "a", "bb", "ccc"))
			}
		}
		var file bytes.Buffer
		w := parquet.NewGenericWriter[row](&file, parquet.Compression(&parquet.Zstd), parquet.DataPageVersion(version), parquet.PageBufferSize(4096))
		if _, err := w.Write(rows); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		pf, err := parquet.OpenFile(bytes.NewReader(file.Bytes()), int64(file.Len()))
		if err != nil {
			t.Fatal(err)
		}
		shared, err := NewShared(1 << 20)
		if err != nil {
			t.Fatal(err)
		}
		p := shared.reader()
		for c, s := range map[string]shape{
			"id": {physical: format.Int64}, "ratio": {physical: format.Double}, "flag": {physical: format.Boolean}, "code": {physical: format.Int32},
			"key": {physical: format.FixedLenByteArray, width: 8}, "names": {physical: format.ByteArray, maxDef: 1, maxRep: 1},
		} {
			leaf, ok := pf.Schema().Lookup(c)
			if !ok {
				t.Fatal(c)
			}
			chunk := pf.Metadata().RowGroups[0].Columns[leaf.ColumnIndex].MetaData
			index := pf.OffsetIndexes()[leaf.ColumnIndex].PageLocations
			v := &vector{shape: s}
			dict := func() (*values, error) {
				return p.dictionary(s, chunk.Codec, file.Bytes()[chunk.DictionaryPageOffset:])
			}
			for i := range index {
				first, end := index[i].FirstRowIndex, int64(len(rows))
				if i+1 < len(index) {
					end = index[i+1].FirstRowIndex
				}
				n := int(end - first)
				if err := p.data(v, chunk.Codec, file.Bytes()[index[i].Offset:], n, []rowRange{{0, n}}, dict); err != nil {
					t.Fatalf("version %d column %s page %d: %v", version, c, i, err)
				}
			}
			at := 0
			for i := range rows {
				var got, want any
				switch c {
				case "id":
					got, want = v.int(i), rows[i].ID
				case "ratio":
					got, want = doubleOf(v, i), rows[i].Ratio
				case "flag":
					got, want = v.int(i) != 0, rows[i].Flag
				case "code":
					got, want = v.int(i), int64(rows[i].Code)
				case "key":
					got, want = string(v.fixed(i)), string(rows[i].Key[:])
				case "names":
					var names []string
					for range rows[i].Names {
						names = append(names, v.text(at))
						at++
					}
					got, want = fmt.Sprint(names), fmt.Sprint(rows[i].Names)
				}
				if got != want {
					t.Fatalf("version %d column %s row %d: %v, want %v", version, c, i, got, want)
				}
			}
		}
	}
}
