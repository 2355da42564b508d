package spanfile

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"math/rand/v2"
	"testing"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/encoding/delta"
	"github.com/parquet-go/parquet-go/encoding/rle"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"

	"github.com/taeldb/tael"
)

// foreignFile is a Parquet file that tael did not write.
func foreignFile(t testing.TB) []byte {
	t.Helper()
	var b bytes.Buffer
	type row struct{ A, B int64 }
	if err := parquet.Write(&b, []row{{1, 2}, {3, 4}}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func fuzzFile(t testing.TB) ([]byte, []tael.Span) {
	r := rand.New(rand.NewPCG(1, 2))
	o := smallOptions()
	o.RowGroupRows = 40
	spans := randomSpans(r, shapeOfSpans{traces: 8, perTrace: 6, services: 3, text: 200})
	return writeSpans(t, o, spans), spans
}

// FuzzOpen damages the end of a file: footer, indexes and sections.
func FuzzOpen(f *testing.F) {
	good, spans := fuzzFile(f)
	f.Add(uint32(0), []byte{0}, false)
	f.Add(uint32(8), []byte{255, 255, 0}, false)
	f.Add(uint32(500), []byte{1}, true)
	f.Fuzz(func(t *testing.T, at uint32, patch []byte, cut bool) {
		b := bytes.Clone(good)
		from := len(b) - 1 - int(at)%len(b)
		copy(b[from:], patch)
		if cut {
			b = append(b[:from:from], good[len(good)-8:]...)
		}
		_ = readEverything(t, b, nil, []tael.TraceID{spans[0].TraceID})
	})
}

// FuzzFooter reads any bytes as Parquet's metadata.
func FuzzFooter(f *testing.F) {
	good, _ := fuzzFile(f)
	n := int(binary.LittleEndian.Uint32(good[len(good)-8:]))
	footer := good[len(good)-8-n : len(good)-8]
	f.Add(footer[:600]) // a whole one is so long that little of it would be tried
	f.Add(footer[len(footer)-200:])
	f.Fuzz(func(t *testing.T, b []byte) {
		_, _ = readFooter(b)
		_, _, _ = readPageHeader(b)
		pages, err := readOffsetIndex(nil, b, 0, 0, 1<<40, 1000)
		if err == nil {
			_ = readColumnIndex(pages, b, 1000, 0)
		}
	})
}

// FuzzPage reads any bytes as the pages of every kind of column. The header is made to fit, so that what is behind it is reached.
func FuzzPage(f *testing.F) {
	good, _ := fuzzFile(f)
	f.Add(good[4:400], uint16(20), uint8(0), uint8(0), false)
	f.Add([]byte{2, 0, 0, 0, 40, 1, 5, 0, 0, 0, 'h', 'e', 'l', 'l', 'o'}, uint16(20), uint8(0), uint8(1), false)
	f.Add([]byte{2, 0, 0, 0, 40, 1, 3, 40, 1}, uint16(20), uint8(8), uint8(1), true)
	shared, err := NewShared(1 << 20)
	if err != nil {
		f.Fatal(err)
	}
	dict := &values{ends: []int32{0, 1, 2}, data: []byte("ab"), ints: []int64{4, 5}, width: 1}
	f.Fuzz(func(t *testing.T, body []byte, rows uint16, encoding, kind uint8, v2 bool) {
		shapes := [...]shape{
			{physical: format.Int64}, {physical: format.ByteArray, maxDef: 1}, {physical: format.ByteArray, maxDef: 1, maxRep: 1}, {physical: format.Boolean},
			{physical: format.ByteArray, maxDef: 2, maxRep: 2}, {physical: format.Double, maxDef: 1}, {physical: format.FixedLenByteArray, width: 1}, {physical: format.Int32},
		}
		h := format.PageHeader{Type: format.DataPage, CompressedPageSize: int32(len(body)), UncompressedPageSize: int32(len(body)), CRC: int32(crc32.ChecksumIEEE(body))}
		if v2 {
			h.Type = format.DataPageV2
			n := int32(len(body) / 4)
			h.DataPageHeaderV2 = thrift.New(format.DataPageHeaderV2{NumValues: int32(rows), NumRows: int32(rows), Encoding: format.Encoding(encoding), DefinitionLevelsByteLength: n, RepetitionLevelsByteLength: n})
		} else {
			h.DataPageHeader = thrift.New(format.DataPageHeader{NumValues: int32(rows), Encoding: format.Encoding(encoding), DefinitionLevelEncoding: format.RLE, RepetitionLevelEncoding: format.RLE})
		}
		head, err := thrift.Marshal(new(thrift.CompactProtocol), &h)
		if err != nil {
			t.Fatal(err)
		}
		p := shared.reader()
		n := int(rows)
		for _, sel := range [][]rowRange{{{0, n}}, {{n / 3, n / 2}}, {{0, n / 4}, {n / 2, n}}} {
			for _, b := range [][]byte{append(head, body...), body} {
				v := &vector{shape: shapes[int(kind)%len(shapes)]}
				if err := p.data(v, format.CompressionCodec(0), b, n, sel, func() (*values, error) { return dict, nil }); err != nil {
					continue
				}
				for i := range v.count() {
					switch v.physical {
					case format.ByteArray:
						_ = v.text(i)
					case format.FixedLenByteArray:
						_ = v.fixed(i)
					default:
						_ = v.int(i)
					}
				}
			}
		}
		_, _ = p.dictionary(shapes[int(kind)%len(shapes)], format.Zstd, body)
		_, _ = readDictionary(shapes[int(kind)%len(shapes)], body, n)
	})
}

// FuzzRuns reads any bytes as runs: every way to pass over them must come to the same values.
func FuzzRuns(f *testing.F) {
	packed, err := (&rle.Encoding{BitWidth: 3}).EncodeInt32(nil, []int32{1, 1, 1, 1, 1, 1, 1, 1, 2, 3, 4, 5, 6, 7, 0, 1, 7})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(packed, uint8(3), uint16(5), uint16(12))
	f.Add([]byte{3, 0xaa, 0x55}, uint8(1), uint16(3), uint16(5))
	f.Fuzz(func(t *testing.T, b []byte, width uint8, skip, take uint16) {
		h, err := newHybrid(b, uint(width))
		if err != nil {
			return
		}
		all := make([]uint32, int(skip)+int(take))
		whole := h
		if whole.read(all) != nil {
			return
		}
		rest := make([]uint32, take)
		skipped := h
		if err := skipped.skip(int(skip)); err != nil {
			t.Fatal(err)
		}
		if err := skipped.read(rest); err != nil {
			t.Fatal(err)
		}
		zeros := 0
		for i, v := range all {
			if i >= int(skip) && rest[i-int(skip)] != v {
				t.Fatalf("value %d is %d after a skip, else %d", i, rest[i-int(skip)], v)
			}
			if v == 0 {
				zeros++
			}
		}
		counted := h
		if n, err := counted.count(len(all), 0); err != nil || n != zeros {
			t.Fatalf("%d zeros, want %d: %v", n, zeros, err)
		}
		if width <= 8 {
			levels := make([]byte, len(all))
			leveled := h
			if _, err := leveled.levels(levels, 255); err != nil {
				t.Fatal(err)
			}
			for i, v := range all {
				if levels[i] != byte(v) {
					t.Fatalf("level %d is %d, want %d", i, levels[i], v)
				}
			}
		}
	})
}

// FuzzDelta reads any bytes as deltas: parts must be the same as in the whole.
func FuzzDelta(f *testing.F) {
	packed, err := (&delta.BinaryPackedEncoding{}).EncodeInt64(nil, []int64{5, 6, 7, -100, 1 << 60, 3})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(packed, uint16(1), uint16(3))
	f.Fuzz(func(t *testing.T, b []byte, from, to uint16) {
		all, err := decodeDelta(nil, b, 1<<16, 0, int(to))
		if err != nil || from > to {
			return
		}
		part, err := decodeDelta(nil, b, 1<<16, int(from), int(to))
		if err != nil || len(all) != int(to) || len(part) != int(to)-int(from) {
			t.Fatalf("%d and %d values of [%d, %d): %v", len(all), len(part), from, to, err)
		}
		for i := range part {
			if part[i] != all[int(from)+i] {
				t.Fatalf("value %d differs", i)
			}
		}
	})
}
