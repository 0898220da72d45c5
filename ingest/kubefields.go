package ingest

// fields reads an object and calls visit for the value of each key; a value that is no object is skipped.
func (r *kubeReader) fields(visit func(key string) error) error {
	if r.peek() != '{' {
		return r.skip()
	}
	m, err := r.openObject()
	for err == nil {
		key, more, e := r.next(&m)
		if e != nil || !more {
			return e
		}
		err = visit(string(key))
	}
	return err
}

// array reads an array and calls visit for each element.
func (r *kubeReader) array(visit func() error) error {
	err := r.openArray()
	for n := 0; err == nil; n++ {
		more, e := r.nextElement(n)
		if e != nil || !more {
			return e
		}
		err = visit()
	}
	return err
}

// object reads an object of any kind.
func (r *kubeReader) object(o *kubeObject) error {
	if r.peek() != '{' {
		return r.unexpected("an object")
	}
	return r.fields(func(key string) error {
		switch key {
		case "apiVersion":
			return r.textInto(&o.apiVersion, maxWordBytes)
		case "kind":
			return r.textInto(&o.kind, maxWordBytes)
		case "metadata":
			return r.metadata(o)
		case "spec":
			return r.rawInto(&o.spec)
		case "status":
			return r.rawInto(&o.status)
		case "endpoints":
			return r.rawInto(&o.endpoints)
		case "data":
			return r.rawInto(&o.data)
		case "binaryData":
			return r.rawInto(&o.binaryData)
		case "items":
			if o.isItem {
				return r.skip() // a list within a list
			}
			o.hasItems = true
			return r.items()
		}
		return r.eventField(o, key)
	})
}

// eventField reads what is at the top of events. Names with "deprecated" are those of core/v1 as events.k8s.io/v1
// calls them.
func (r *kubeReader) eventField(o *kubeObject, key string) error {
	switch key {
	case "involvedObject", "regarding":
		o.hasAbout = true
		return r.reference(&o.about)
	case "type":
		return r.textInto(&o.class, maxWordBytes)
	case "reason":
		return r.textInto(&o.reason, maxWordBytes)
	case "message", "note":
		return r.textInto(&o.message, r.lim.MessageBytes)
	case "source", "deprecatedSource":
		return r.fields(func(key string) error {
			if key == "component" {
				return r.textInto(&o.component, maxWordBytes)
			}
			return r.skip()
		})
	case "reportingComponent", "reportingController":
		return r.textInto(&o.reporter, maxWordBytes)
	case "firstTimestamp", "deprecatedFirstTimestamp":
		return r.timeInto(&o.first)
	case "lastTimestamp", "deprecatedLastTimestamp":
		return r.timeInto(&o.last)
	case "eventTime":
		return r.timeInto(&o.eventTime)
	case "count", "deprecatedCount":
		return r.countInto(&o.count)
	case "series":
		return r.fields(func(key string) error {
			switch key {
			case "count":
				return r.countInto(&o.seriesCount)
			case "lastObservedTime":
				return r.timeInto(&o.seriesLast)
			}
			return r.skip()
		})
	}
	return r.skip()
}

func (r *kubeReader) reference(ref *reference) error {
	return r.fields(func(key string) error {
		switch key {
		case "kind":
			return r.textInto(&ref.kind, maxNameBytes)
		case "namespace":
			return r.textInto(&ref.namespace, maxNameBytes)
		case "name":
			return r.textInto(&ref.name, maxNameBytes)
		}
		return r.skip()
	})
}

func (r *kubeReader) metadata(o *kubeObject) error {
	return r.fields(func(key string) error {
		switch key {
		case "name":
			return r.textInto(&o.name, maxNameBytes)
		case "namespace":
			return r.textInto(&o.namespace, maxNameBytes)
		case "uid":
			return r.textInto(&o.id, maxWordBytes)
		case "resourceVersion":
			return r.textInto(&o.resourceVersion, maxWordBytes)
		case "creationTimestamp":
			return r.timeInto(&o.created)
		case "generation":
			return r.countInto(&o.generation)
		case "deletionTimestamp":
			o.deleting = r.peek() == '"'
		case "labels":
			return r.fields(func(key string) error { return r.textAt(o.labels.at(key), maxNameBytes) })
		case "annotations":
			return r.fields(func(key string) error { return r.textAt(o.annotations.at(key), maxDependsOnBytes) })
		case "managedFields":
			return r.rawInto(&o.managed)
		case "ownerReferences":
			if r.peek() == '[' {
				return r.array(func() error { return r.owner(o) })
			}
		}
		return r.skip()
	})
}

// owner reads one owner and keeps it if it is the controller: of several owners that is the one that makes the
// object again.
func (r *kubeReader) owner(o *kubeObject) error {
	var ref reference
	var uid string
	isController := false
	err := r.fields(func(key string) error {
		switch key {
		case "kind":
			return r.textInto(&ref.kind, maxNameBytes)
		case "name":
			return r.textInto(&ref.name, maxNameBytes)
		case "uid":
			return r.textInto(&uid, maxWordBytes)
		case "controller":
			isController = r.peek() == 't'
		}
		return r.skip()
	})
	if isController {
		o.owner, o.ownerID = ref, uid
	}
	return err
}

// rawInto keeps a value as it stands.
func (r *kubeReader) rawInto(dst *[]byte) error {
	r.peek()
	begin := r.pos
	err := r.skip()
	*dst = r.data[begin:r.pos]
	return err
}

// textAt reads a string, unless nobody asks for it.
func (r *kubeReader) textAt(dst *string, maxBytes int) error {
	if dst == nil {
		return r.skip()
	}
	return r.textInto(dst, maxBytes)
}
