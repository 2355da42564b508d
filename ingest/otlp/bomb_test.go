package otlp

import (
	"bytes"
	"net/http"
	"runtime"
	"testing"
)

// A gigabyte that came as a megabyte, or less, is refused at the limit, with no more memory than a body of the limit takes.
func TestABombIsUnpackedUpToTheLimitOnly(t *testing.T) {
	r := newRig(t, func(o *Options) {
		d := DefaultOptions()
		o.MaxBodyBytes, o.MaxInflightBytes = d.MaxBodyBytes, d.MaxInflightBytes
	})
	part := make([]byte, 16<<20)
	for _, encoding := range []string{"gzip", "zstd"} {
		bomb := bytes.Repeat(encoded(t, encoding, part), 64) // members, or frames, of one body
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		w := r.post(typeProtobuf, encoding, writeToken, "", bytes.NewReader(bomb))
		runtime.ReadMemStats(&after)
		if w.Code != http.StatusRequestEntityTooLarge {
			t.Errorf("%s: %d bytes are answered with %d %s", encoding, len(bomb), w.Code, w.Body)
		}
		// Room grows by doubling, so all of it together is twice the last; the decoders have windows of their own.
		if took := int64(after.TotalAlloc - before.TotalAlloc); took > 4*r.o.MaxBodyBytes {
			t.Errorf("%s: %d MiB of memory were taken", encoding, took>>20)
		}
		waitFree(t, r.Receiver)
	}
	if !r.store.empty() {
		t.Error("something was stored")
	}
}
