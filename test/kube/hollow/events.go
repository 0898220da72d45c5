package main

import (
	corev1 "k8s.io/api/core/v1"
	typed "k8s.io/client-go/kubernetes/typed/core/v1"
)

// events is where the kubelet tells its events.
type events struct{ typed.EventsGetter }

// Events returns the events of a namespace.
func (e events) Events(namespace string) typed.EventInterface {
	return honest{e.EventsGetter.Events(namespace)}
}

// honest drops what is not about the node. The kubelet reads in the kernel's log that something ran out of memory, but the
// kernel is that of the machine below, which may run anything beside.
type honest struct{ typed.EventInterface }

// CreateWithEventNamespace makes an event. It is what the kubelet's recorder calls.
func (h honest) CreateWithEventNamespace(event *corev1.Event) (*corev1.Event, error) {
	if event.Reason == "SystemOOM" {
		return event, nil
	}
	return h.EventInterface.CreateWithEventNamespace(event)
}
