// Package lazyfs is a disk that takes syncing seriously: what a program wrote survives a power cut only if the program
// synced it. It is a FUSE file system above a folder that holds what is durable; all else is in its memory and gone when
// the power is cut. It can also keep a random part of what was not synced, as real disks do, fail a sync, or lie about all.
//
// Limits: creating, renaming and removing files is durable at once, so a missing sync of a folder goes unnoticed, and
// writing through a shared memory map is durable only with a sync of the file. It needs root and /dev/fuse.
package lazyfs

import (
	"errors"
	"fmt"
	"sync"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// Disk is a mounted file system. Its methods may be called concurrently.
type Disk struct {
	server     *fuse.Server
	mountpoint string

	// mu serialises all that touches content: a disk has one head, and a cut must not fall into a sync.
	mu    sync.Mutex
	files map[identity]*content
	off   bool
	lying bool
	syncs int
	// failAt is the number of the sync that fails; 0 is none.
	failAt int
}

// identity tells files apart across renames and reused inode numbers.
type identity struct{ ino, generation uint64 }

// Mount shows the folder durable at mountpoint, in this process's mount namespace.
func Mount(durable, mountpoint string) (*Disk, error) {
	loopback, err := fs.NewLoopbackRoot(durable)
	if err != nil {
		return nil, err
	}
	d := &Disk{mountpoint: mountpoint, files: make(map[identity]*content)}
	root := &node{LoopbackNode: loopback.(*fs.LoopbackNode), disk: d}
	root.RootData.RootNode = root
	// The options without time-outs keep the kernel from caching attributes: sizes change behind its back at a sync.
	d.server, err = fs.Mount(mountpoint, root, &fs.Options{MountOptions: fuse.MountOptions{
		FsName: "lazyfs", Name: "lazyfs", DirectMountStrict: true, AllowOther: true,
	}})
	if err != nil {
		return nil, fmt.Errorf("mount %s: %w", mountpoint, err)
	}
	return d, nil
}

// Cut switches the power off. Every change that was not synced is lost, but those for which survives returns true; nil
// keeps none. From then on every operation fails with EIO, so nothing that happens later can look durable.
func (d *Disk) Cut(survives func() bool) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.off {
		return nil
	}
	d.off = true
	if survives == nil {
		return nil
	}
	var errs []error
	for _, c := range d.files {
		errs = append(errs, c.keep(survives))
	}
	return errors.Join(errs...)
}

// FailSync makes the n-th sync from now, counted from 1, fail with EIO; what it should have written is lost at the next cut
// even if a later sync succeeds.
func (d *Disk) FailSync(n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.failAt = d.syncs + n
}

// Lie makes every sync from now on succeed without writing anything. No program survives that: a test that passes on a
// lying disk tests nothing.
func (d *Disk) Lie() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lying = true
}

// Syncs returns how many syncs of files there were, failed ones and lies included.
func (d *Disk) Syncs() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.syncs
}

// Unmount removes the file system and closes what it holds. What is not synced is lost, as by [Disk.Cut].
func (d *Disk) Unmount() error {
	err := d.server.Unmount()
	if err != nil {
		// Somebody still has a file open. Detached, the mount goes when they do.
		err = errors.Join(err, syscall.Unmount(d.mountpoint, syscall.MNT_DETACH))
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.off = true
	for _, c := range d.files {
		err = errors.Join(err, c.platter.Close())
	}
	clear(d.files)
	return err
}

// sync makes a file durable, or fails or lies as it was told.
func (d *Disk) sync(c *content) error {
	d.syncs++
	switch {
	case d.syncs == d.failAt:
		c.forget()
		return syscall.EIO
	case d.lying:
		return nil
	}
	return c.sync()
}

// on runs an operation under the lock, unless the power is off.
func (d *Disk) on(operation func() error) syscall.Errno {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.off {
		return syscall.EIO
	}
	return fs.ToErrno(operation())
}
