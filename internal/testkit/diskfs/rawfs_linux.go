package diskfs

import (
	"maps"
	"slices"
	"syscall"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"
)

// rawFS shows a disk to the kernel. What it does not define is not supported, which Linux bears.
type rawFS struct {
	fuse.RawFileSystem
	disk *disk
}

func newRawFS(d *disk) *rawFS { return &rawFS{fuse.NewDefaultRawFileSystem(), d} }

// Only the kernel changes the disk, so it may remember what it knows.
const valid = 3600

// do runs an operation on a node.
func (r *rawFS) do(what op, id uint64, run func(d *disk, n *node) syscall.Errno) fuse.Status {
	errno := r.disk.enter(what)
	defer r.disk.mu.Unlock()
	if errno != 0 {
		return fuse.Status(errno)
	}
	n := r.disk.nodes[id]
	if n == nil {
		return fuse.Status(syscall.ESTALE)
	}
	return fuse.Status(run(r.disk, n))
}

func (n *node) attr(out *fuse.Attr) {
	*out = fuse.Attr{Ino: n.id, Mode: n.mode, Nlink: 1, Blksize: pageSize}
	out.Mtime, out.Mtimensec = uint64(n.mtime/int64(time.Second)), uint32(n.mtime%int64(time.Second))
	out.Atime, out.Ctime = out.Mtime, out.Mtime
	if n.file != nil {
		out.Size, out.Blocks = uint64(n.file.size), uint64(n.file.used()*pageSize/512)
	}
}

func (n *node) entry(out *fuse.EntryOut) {
	out.NodeId, out.Generation, out.EntryValid, out.AttrValid = n.id, 1, valid, valid
	n.attr(&out.Attr)
}

func (r *rawFS) Lookup(_ <-chan struct{}, h *fuse.InHeader, name string, out *fuse.EntryOut) fuse.Status {
	return r.do(opRead, h.NodeId, func(_ *disk, n *node) syscall.Errno {
		child := n.entries[name]
		if child == nil {
			return syscall.ENOENT
		}
		child.entry(out)
		return 0
	})
}

func (r *rawFS) GetAttr(_ <-chan struct{}, in *fuse.GetAttrIn, out *fuse.AttrOut) fuse.Status {
	return r.do("", in.NodeId, func(_ *disk, n *node) syscall.Errno {
		out.AttrValid = valid
		n.attr(&out.Attr)
		return 0
	})
}

func (r *rawFS) SetAttr(_ <-chan struct{}, in *fuse.SetAttrIn, out *fuse.AttrOut) fuse.Status {
	return r.do(opWrite, in.NodeId, func(d *disk, n *node) syscall.Errno {
		if mode, ok := in.GetMode(); ok {
			n.mode = n.mode&syscall.S_IFMT | mode&0o7777
		}
		if size, ok := in.GetSize(); ok && n.file != nil {
			n.file.truncate(int64(size))
			n.mtime = d.now()
		}
		if t, ok := in.GetMTime(); ok {
			n.mtime = t.UnixNano()
		}
		out.AttrValid = valid
		n.attr(&out.Attr)
		return 0
	})
}

// make adds a new node to a directory.
func (r *rawFS) make(dir uint64, name string, mode uint32, out *fuse.EntryOut) fuse.Status {
	return r.do(opWrite, dir, func(d *disk, n *node) syscall.Errno {
		switch {
		case n.entries[name] != nil:
			return syscall.EEXIST
		case d.free() == 0:
			return syscall.ENOSPC
		}
		child := d.add(mode)
		d.change(n, change{add: name, node: child})
		child.entry(out)
		return 0
	})
}

func (r *rawFS) Mkdir(_ <-chan struct{}, in *fuse.MkdirIn, name string, out *fuse.EntryOut) fuse.Status {
	return r.make(in.NodeId, name, syscall.S_IFDIR|in.Mode&0o7777, out)
}

func (r *rawFS) Mknod(_ <-chan struct{}, in *fuse.MknodIn, name string, out *fuse.EntryOut) fuse.Status {
	return r.make(in.NodeId, name, syscall.S_IFREG|in.Mode&0o7777, out)
}

func (r *rawFS) Create(_ <-chan struct{}, in *fuse.CreateIn, name string, out *fuse.CreateOut) fuse.Status {
	return r.make(in.NodeId, name, syscall.S_IFREG|in.Mode&0o7777, &out.EntryOut)
}

func (r *rawFS) remove(dir uint64, name string, wantDir bool) fuse.Status {
	return r.do(opWrite, dir, func(d *disk, n *node) syscall.Errno {
		child := n.entries[name]
		switch {
		case child == nil:
			return syscall.ENOENT
		case wantDir && len(child.entries) > 0:
			return syscall.ENOTEMPTY
		}
		d.change(n, change{remove: name})
		return 0
	})
}

func (r *rawFS) Unlink(_ <-chan struct{}, h *fuse.InHeader, name string) fuse.Status {
	return r.remove(h.NodeId, name, false)
}

func (r *rawFS) Rmdir(_ <-chan struct{}, h *fuse.InHeader, name string) fuse.Status {
	return r.remove(h.NodeId, name, true)
}

func (r *rawFS) Rename(_ <-chan struct{}, in *fuse.RenameIn, from, to string) fuse.Status {
	return r.do(opWrite, in.NodeId, func(d *disk, n *node) syscall.Errno {
		child, dir := n.entries[from], d.nodes[in.Newdir]
		switch {
		case child == nil:
			return syscall.ENOENT
		case in.Flags&^1 != 0: // only RENAME_NOREPLACE
			return syscall.EINVAL
		case in.Flags&1 != 0 && dir.entries[to] != nil:
			return syscall.EEXIST
		case dir.entries[to] != nil && len(dir.entries[to].entries) > 0:
			return syscall.ENOTEMPTY
		}
		if dir == n {
			d.change(n, change{remove: from, add: to, node: child})
			return 0
		}
		d.change(dir, change{add: to, node: child})
		d.change(n, change{remove: from})
		return 0
	})
}

func (r *rawFS) Link(_ <-chan struct{}, in *fuse.LinkIn, name string, out *fuse.EntryOut) fuse.Status {
	return r.do(opWrite, in.NodeId, func(d *disk, n *node) syscall.Errno {
		child := d.nodes[in.Oldnodeid]
		switch {
		case child == nil:
			return syscall.ESTALE
		case n.entries[name] != nil:
			return syscall.EEXIST
		}
		d.change(n, change{add: name, node: child})
		child.entry(out)
		return 0
	})
}

func (r *rawFS) Open(_ <-chan struct{}, in *fuse.OpenIn, _ *fuse.OpenOut) fuse.Status {
	return r.do("", in.NodeId, func(*disk, *node) syscall.Errno { return 0 })
}

func (r *rawFS) OpenDir(_ <-chan struct{}, in *fuse.OpenIn, _ *fuse.OpenOut) fuse.Status {
	return r.do("", in.NodeId, func(*disk, *node) syscall.Errno { return 0 })
}

func (r *rawFS) Read(_ <-chan struct{}, in *fuse.ReadIn, buf []byte) (fuse.ReadResult, fuse.Status) {
	n := 0
	status := r.do(opRead, in.NodeId, func(_ *disk, f *node) syscall.Errno {
		n = f.file.read(int64(in.Offset), buf)
		return 0
	})
	return fuse.ReadResultData(buf[:n]), status
}

func (r *rawFS) Write(_ <-chan struct{}, in *fuse.WriteIn, data []byte) (uint32, fuse.Status) {
	status := r.do(opWrite, in.NodeId, func(d *disk, n *node) syscall.Errno {
		if grows := n.file.growth(int64(in.Offset), len(data)); grows > 0 && grows > d.free() {
			return syscall.ENOSPC
		}
		n.file.write(int64(in.Offset), data)
		n.mtime = d.now()
		return 0
	})
	if status != fuse.OK {
		return 0, status
	}
	return uint32(len(data)), status
}

func (r *rawFS) Fallocate(_ <-chan struct{}, in *fuse.FallocateIn) fuse.Status {
	const keepSize = 1
	return r.do(opWrite, in.NodeId, func(d *disk, n *node) syscall.Errno {
		if in.Mode&^keepSize != 0 {
			return syscall.EOPNOTSUPP
		}
		f := n.file
		was, used := f.reserved, f.used()
		f.reserved = max(f.reserved, int64(in.Offset+in.Length))
		if d.used() > d.capacity && f.used() > used {
			f.reserved = was
			return syscall.ENOSPC
		}
		if in.Mode&keepSize == 0 {
			f.size = max(f.size, int64(in.Offset+in.Length))
		}
		return 0
	})
}

func (r *rawFS) Flush(<-chan struct{}, *fuse.FlushIn) fuse.Status { return fuse.OK }

func (r *rawFS) Fsync(_ <-chan struct{}, in *fuse.FsyncIn) fuse.Status {
	failed := true
	status := r.do(opSync, in.NodeId, func(d *disk, n *node) syscall.Errno {
		failed = false
		d.syncs++
		n.file.sync()
		return 0
	})
	if failed {
		r.disk.mu.Lock()
		defer r.disk.mu.Unlock()
		if n := r.disk.nodes[in.NodeId]; n != nil && !r.disk.off {
			n.file.failSync()
		}
	}
	return status
}

func (r *rawFS) FsyncDir(_ <-chan struct{}, in *fuse.FsyncIn) fuse.Status {
	return r.do(opSync, in.NodeId, func(d *disk, n *node) syscall.Errno {
		d.syncs++
		n.syncEntries()
		return 0
	})
}

func (r *rawFS) ReadDir(_ <-chan struct{}, in *fuse.ReadIn, out *fuse.DirEntryList) fuse.Status {
	return r.do(opRead, in.NodeId, func(_ *disk, n *node) syscall.Errno {
		names := slices.Sorted(maps.Keys(n.entries))
		for i := int(in.Offset); i < len(names); i++ {
			child := n.entries[names[i]]
			if !out.AddDirEntry(fuse.DirEntry{Name: names[i], Mode: child.mode, Ino: child.id}) {
				break
			}
		}
		return 0
	})
}

func (r *rawFS) ReadDirPlus(_ <-chan struct{}, in *fuse.ReadIn, out *fuse.DirEntryList) fuse.Status {
	return r.do(opRead, in.NodeId, func(_ *disk, n *node) syscall.Errno {
		names := slices.Sorted(maps.Keys(n.entries))
		for i := int(in.Offset); i < len(names); i++ {
			child := n.entries[names[i]]
			entry := out.AddDirLookupEntry(fuse.DirEntry{Name: names[i], Mode: child.mode, Ino: child.id})
			if entry == nil {
				break
			}
			child.entry(entry)
		}
		return 0
	})
}

func (r *rawFS) StatFs(_ <-chan struct{}, in *fuse.InHeader, out *fuse.StatfsOut) fuse.Status {
	return r.do("", in.NodeId, func(d *disk, _ *node) syscall.Errno {
		free := uint64(d.free())
		*out = fuse.StatfsOut{Blocks: uint64(d.capacity), Bfree: free, Bavail: free, Bsize: pageSize, Frsize: pageSize, NameLen: 255, Files: 1 << 20, Ffree: 1 << 20}
		return 0
	})
}
