package spanfile

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go/encoding/rle"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
)

// testPage makes a page as writers of Parquet do.
func testPage(t testing.TB, v2, compress bool, s shape, rep, def []byte, values []byte, slots, nulls, rows int, e format.Encoding) (format.CompressionCodec, []byte) {
	t.Helper()
	levels := func(l []byte, top uint8) []byte {
		if top == 0 {
			return nil
		}
		b, err := (&rle.Encoding{BitWidth: int(levelWidth(top))}).EncodeLevels(nil, l)
		if err != nil {
			t.Fatal(err)
		}
		if v2 {
			return b
		}
		return append(binary.LittleEndian.AppendUint32(nil, uint32(len(b))), b...)
	}
	repBytes, defBytes := levels(rep, s.maxRep), levels(def, s.maxDef)
	codec := format.Uncompressed
	pack := func(b []byte) []byte {
		if !compress {
			return b
		}
		codec = format.Zstd
		w, err := zstd.NewWriter(nil, zstd.WithZeroFrames(true))
		if err != nil {
			t.Fatal(err)
		}
		return w.EncodeAll(b, nil)
	}
	var body []byte
	h := format.PageHeader{UncompressedPageSize: int32(len(repBytes) + len(defBytes) + len(values))}
	if v2 {
		h.Type = format.DataPageV2
		h.DataPageHeaderV2 = thrift.New(format.DataPageHeaderV2{NumValues: int32(slots), NumNulls: int32(nulls), NumRows: int32(rows), Encoding: e,
			DefinitionLevelsByteLength: int32(len(defBytes)), RepetitionLevelsByteLength: int32(len(repBytes)), IsCompressed: thrift.New(compress)})
		body = append(append(bytes.Clone(repBytes), defBytes...), pack(values)...)
	} else {
		h.Type = format.DataPage
		h.DataPageHeader = thrift.New(format.DataPageHeader{NumValues: int32(slots), Encoding: e, DefinitionLevelEncoding: format.RLE, RepetitionLevelEncoding: format.RLE})
		body = pack(append(append(bytes.Clone(repBytes), defBytes...), values...))
	}
	h.CompressedPageSize, h.CRC = int32(len(body)), int32(crc32.ChecksumIEEE(body))
	head, err := thrift.Marshal(new(thrift.CompactProtocol), &h)
	if err != nil {
		t.Fatal(err)
	}
	return codec, append(head, body...)
}
