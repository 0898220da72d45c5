package lazyfs

import (
	"context"
	"path/filepath"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// node is a file or folder. What is about names goes straight to the backing file system, what is about bytes to content.
type node struct {
	*fs.LoopbackNode
	disk *Disk
}

// handle is an open file.
type handle struct {
	*content
	// eager is true for files opened with O_SYNC or O_DSYNC: every write is a sync.
	eager bool
}

// WrapChild makes nodes of what the loopback file system finds.
func (n *node) WrapChild(_ context.Context, ops fs.InodeEmbedder) fs.InodeEmbedder {
	return &node{LoopbackNode: ops.(*fs.LoopbackNode), disk: n.disk}
}

// identity is what files are known by.
func (n *node) identity() identity {
	a := n.StableAttr()
	return identity{a.Ino, a.Gen}
}

// path is where the node is on the backing file system.
func (n *node) path() string { return filepath.Join(n.RootData.Path, n.Path(n.Root())) }

// open returns the content of the node at path, which stays known until the disk is unmounted. The disk is locked.
func (n *node) open(path string) (*content, error) {
	if c, ok := n.disk.files[n.identity()]; ok {
		return c, nil
	}
	c, err := newContent(path)
	if err != nil {
		return nil, err
	}
	n.disk.files[n.identity()] = c
	return c, nil
}

// patch puts the size that the program sees into attributes that came from the platter. The disk is locked.
func (n *node) patch(out *fuse.Attr) {
	if c, ok := n.disk.files[n.identity()]; ok {
		out.Size = uint64(c.size)
	}
}

// Lookup finds a child.
func (n *node) Lookup(ctx context.Context, name string, out *fuse.EntryOut) (child *fs.Inode, errno syscall.Errno) {
	off := n.disk.on(func() error {
		if child, errno = n.LoopbackNode.Lookup(ctx, name, out); errno == fs.OK {
			child.Operations().(*node).patch(&out.Attr)
		}
		return nil
	})
	return child, max(errno, off)
}

// Getattr works on removed files too, as long as somebody had them open.
func (n *node) Getattr(ctx context.Context, _ fs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	return n.disk.on(func() error {
		if c, ok := n.disk.files[n.identity()]; ok {
			var st syscall.Stat_t
			if err := syscall.Fstat(int(c.platter.Fd()), &st); err != nil {
				return err
			}
			out.FromStat(&st)
			n.patch(&out.Attr)
			return nil
		}
		return errorOf(n.LoopbackNode.Getattr(ctx, nil, out))
	})
}

// Setattr sends a new size to the cache, all else to the backing file system.
func (n *node) Setattr(ctx context.Context, _ fs.FileHandle, in *fuse.SetAttrIn, out *fuse.AttrOut) syscall.Errno {
	return n.disk.on(func() error {
		if size, ok := in.GetSize(); ok {
			c, err := n.open(n.path())
			if err != nil {
				return err
			}
			if err := c.truncate(int64(size)); err != nil {
				return err
			}
			in.Valid &^= fuse.FATTR_SIZE
		}
		if err := errorOf(n.LoopbackNode.Setattr(ctx, nil, in, out)); err != nil {
			return err
		}
		n.patch(&out.Attr)
		return nil
	})
}

// Create makes a file, durable at once but empty until it is synced.
func (n *node) Create(ctx context.Context, name string, flags, mode uint32, out *fuse.EntryOut) (child *fs.Inode, fh fs.FileHandle, _ uint32, errno syscall.Errno) {
	errno = n.disk.on(func() error {
		var backing fs.FileHandle
		child, backing, _, errno = n.LoopbackNode.Create(ctx, name, flags, mode, out)
		if errno != fs.OK {
			return errno
		}
		if r, ok := backing.(fs.FileReleaser); ok {
			r.Release(ctx)
		}
		// The child has no path yet: it is tied to its parent when this returns.
		c, err := child.Operations().(*node).open(filepath.Join(n.path(), name))
		fh = &handle{content: c, eager: eager(flags)}
		return err
	})
	return child, fh, 0, errno
}

// Open opens a file.
func (n *node) Open(_ context.Context, flags uint32) (fh fs.FileHandle, _ uint32, errno syscall.Errno) {
	errno = n.disk.on(func() error {
		c, err := n.open(n.path())
		if err == nil && flags&syscall.O_TRUNC != 0 {
			err = c.truncate(0)
		}
		fh = &handle{content: c, eager: eager(flags)}
		return err
	})
	return fh, 0, errno
}

// eager reports whether a file opened with these flags syncs every write.
func eager(flags uint32) bool { return flags&(syscall.O_SYNC|syscall.O_DSYNC) != 0 }

// Read reads what the program wrote, synced or not.
func (n *node) Read(_ context.Context, fh fs.FileHandle, dest []byte, offset int64) (fuse.ReadResult, syscall.Errno) {
	count := 0
	errno := n.disk.on(func() (err error) {
		count, err = fh.(*handle).read(dest, offset)
		return err
	})
	return fuse.ReadResultData(dest[:count]), errno
}

// Write writes to the cache.
func (n *node) Write(_ context.Context, fh fs.FileHandle, data []byte, offset int64) (uint32, syscall.Errno) {
	errno := n.disk.on(func() error {
		h := fh.(*handle)
		err := h.write(data, offset)
		if err == nil && h.eager {
			err = n.disk.sync(h.content)
		}
		return err
	})
	if errno != fs.OK {
		return 0, errno
	}
	return uint32(len(data)), fs.OK
}

// Fsync makes a file durable; folders are so already.
func (n *node) Fsync(_ context.Context, fh fs.FileHandle, _ uint32) syscall.Errno {
	return n.disk.on(func() error {
		if n.IsDir() {
			return nil
		}
		return n.disk.sync(fh.(*handle).content)
	})
}

// Mkdir makes a folder.
func (n *node) Mkdir(ctx context.Context, name string, mode uint32, out *fuse.EntryOut) (child *fs.Inode, errno syscall.Errno) {
	errno = n.disk.on(func() error {
		child, errno = n.LoopbackNode.Mkdir(ctx, name, mode, out)
		return errorOf(errno)
	})
	return child, errno
}

// Unlink removes a name.
func (n *node) Unlink(ctx context.Context, name string) syscall.Errno {
	return n.disk.on(func() error { return errorOf(n.LoopbackNode.Unlink(ctx, name)) })
}

// Rename moves a name, with whatever of the file is durable behind it.
func (n *node) Rename(ctx context.Context, name string, to fs.InodeEmbedder, newName string, flags uint32) syscall.Errno {
	return n.disk.on(func() error {
		return errorOf(n.LoopbackNode.Rename(ctx, name, to.(*node).LoopbackNode, newName, flags))
	})
}

// Link is refused, as are the operations below: the loopback file system would do them past the cache, and the kernel
// has another way, or the program does without.
func (n *node) Link(context.Context, fs.InodeEmbedder, string, *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	return nil, syscall.EPERM
}

// Tmpfile is refused, see Link.
func (n *node) Tmpfile(context.Context, uint32, uint32, *fuse.EntryOut) (*fs.Inode, fs.FileHandle, uint32, syscall.Errno) {
	return nil, nil, 0, syscall.EOPNOTSUPP
}

// CopyFileRange is refused, see Link.
func (n *node) CopyFileRange(context.Context, fs.FileHandle, uint64, *fs.Inode, fs.FileHandle, uint64, uint64, uint64) (uint32, syscall.Errno) {
	return 0, syscall.ENOSYS
}

// Statx is refused, see Link.
func (n *node) Statx(context.Context, fs.FileHandle, uint32, uint32, *fuse.StatxOut) syscall.Errno {
	return syscall.ENOSYS
}

// errorOf keeps OK from becoming an error that is not nil.
func errorOf(errno syscall.Errno) error {
	if errno == fs.OK {
		return nil
	}
	return errno
}
