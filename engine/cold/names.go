package cold

import (
	"fmt"
	"path"
	"strconv"
	"strings"
	"time"
)

// Every key of the table is made and read here. docs/formats/cold.md lists them.
//
//	tael/spans/metadata/v<N>.metadata.json                            the table at commit N
//	tael/spans/metadata/version-hint.text                             a recent N in decimal
//	tael/spans/metadata/<owner>-<commit>-m<n>.avro                    a manifest
//	tael/spans/metadata/<owner>-<commit>-s<try>.avro                  the manifest list of a snapshot
//	tael/spans/data/<tenant>/<day>/<owner>-<counter>-<n>-<random>.parquet          spans
//	tael/spans/data/<tenant>/<day>/<owner>-<counter>-<n>-<random>.deletes.parquet  position deletes
//
// The owner is the uuid of the data directory whose taeld wrote the file, so that each cleans up its own leftovers only.
const (
	tableKey    = "tael/spans"
	metadataKey = tableKey + "/metadata/"
	dataKey     = tableKey + "/data/"
	hintKey     = metadataKey + "version-hint.text"

	versionPrefix = "v"
	versionSuffix = ".metadata.json"
	dataSuffix    = ".parquet"
	deletesSuffix = ".deletes.parquet"
	dayLayout     = "2006-01-02"
)

// noOwner names the files of commits that no data directory asks for.
const noOwner = "00000000-0000-0000-0000-000000000000"

func versionKey(n int) string { return metadataKey + versionPrefix + strconv.Itoa(n) + versionSuffix }

// parseVersionKey reads N out of a metadata file's key.
func parseVersionKey(key string) (int, bool) {
	name, ok := strings.CutPrefix(key, metadataKey+versionPrefix)
	if !ok {
		return 0, false
	}
	name, ok = strings.CutSuffix(name, versionSuffix)
	n, err := strconv.Atoi(name)
	return n, ok && err == nil && n > 0
}

func manifestKey(owner, commit string, n int) string {
	return fmt.Sprintf("%s%s-%s-m%d.avro", metadataKey, owner, commit, n)
}

func manifestListKey(owner, commit string, try int) string {
	return fmt.Sprintf("%s%s-%s-s%d.avro", metadataKey, owner, commit, try)
}

// fileKey is the key of a data file, or with deletesSuffix of a file of position deletes.
func fileKey(tenant string, day int32, owner string, counter uint64, n int, random, suffix string) string {
	return fmt.Sprintf("%s%s/%s/%s-%d-%d-%s%s", dataKey, tenant, dayName(day), owner, counter, n, random, suffix)
}

// owned tells whether the owner's taeld wrote the object.
func owned(key, owner string) bool { return strings.HasPrefix(path.Base(key), owner+"-") }

// days since 1970 of a time in nanoseconds.
func dayOf(unixNano uint64) int32 { return int32(unixNano / uint64(24*time.Hour)) }

func dayStart(day int32) time.Time { return time.Unix(int64(day)*24*60*60, 0).UTC() }

func dayName(day int32) string { return dayStart(day).Format(dayLayout) }

// reroot turns a stored path into a key of this store. Paths are stored as URLs for outside readers, and go stale when the folder or
// bucket moves; but where a file lies below its table is fixed: two names for metadata, four for data. So only those are looked at.
func reroot(stored string) (string, error) {
	parts := strings.Split(stored, "/")
	tail := func(n int) []string { return parts[max(0, len(parts)-n):] }
	if t := tail(4); len(t) == 4 && t[0] == "data" {
		return tableKey + "/" + strings.Join(t, "/"), nil
	}
	if t := tail(2); len(t) == 2 && t[0] == "metadata" {
		return tableKey + "/" + strings.Join(t, "/"), nil
	}
	return "", fmt.Errorf("path %.256q is not one of this table: want .../data/<tenant>/<day>/<file> or .../metadata/<file>", stored)
}

// path is the inverse of reroot: the path that outside readers can open.
func (t *Table) path(key string) string { return strings.TrimSuffix(t.opts.Location, "/") + "/" + key }
