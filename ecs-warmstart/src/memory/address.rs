//! Addresses and machines for tasks.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::owners::Owners;
use super::settings::Settings;
use super::task::Place;
use crate::facts::{NetworkMode, TaskDefinitionFacts};
use crate::observation::{Host, PortBinding};
use crate::time::Timestamp;

/// Hosts choose dynamic ports from here on (the usual ephemeral range).
const FIRST_DYNAMIC_PORT: u16 = 32_768;

/// Gives out what has an end.
#[derive(Debug)]
pub(super) struct Places {
    /// For each address, the task that got it last.
    addresses: Vec<Option<usize>>,
    next_address: usize,
    /// For each machine, the ports given out and to which task.
    machines: Vec<Machine>,
    next_machine: usize,
}

#[derive(Debug)]
struct Machine {
    host: Host,
    next_port: u16,
    held: Vec<(u16, usize)>,
}

impl Places {
    pub(super) fn new(settings: &Settings) -> Self {
        let machine = |number| Machine {
            host: Host {
                container_instance: format!(
                    "arn:aws:ecs:{}:{}:container-instance/{number:032x}",
                    settings.region, settings.account
                ),
                ec2_instance: Some(instance_id(number)),
            },
            next_port: FIRST_DYNAMIC_PORT,
            held: Vec::new(),
        };
        Self {
            addresses: vec![None; settings.addresses as usize],
            next_address: 0,
            machines: (1..=settings.container_instances).map(machine).collect(),
            next_machine: 0,
        }
    }

    pub(super) fn machine_ids(&self) -> Vec<String> {
        self.machines.iter().filter_map(|machine| machine.host.ec2_instance.clone()).collect()
    }

    /// A place for the task of that number; the reason in `failures[]` where there is none. An awsvpc task that finds no
    /// address gets a place without one: it fails later, as on EC2.
    pub(super) fn take(
        &mut self,
        definition: &TaskDefinitionFacts,
        number: usize,
        ipv6: bool,
        owners: &Owners,
        now: Timestamp,
    ) -> Result<Place, &'static str> {
        match definition.network_mode {
            NetworkMode::None => Ok(Place::Nowhere),
            NetworkMode::AwsVpc => Ok(Place::Addresses(self.take_address(number, ipv6, owners, now))),
            NetworkMode::Bridge => self.take_machine(definition, number, false, owners, now),
            NetworkMode::Host => self.take_machine(definition, number, true, owners, now),
        }
    }

    fn take_address(&mut self, number: usize, ipv6: bool, owners: &Owners, now: Timestamp) -> Vec<IpAddr> {
        let size = self.addresses.len();
        let free = (0..size)
            .map(|step| (self.next_address + step) % size)
            .find(|index| self.addresses[*index].is_none_or(|holder| is_over(owners, holder, now)));
        let Some(index) = free else {
            return Vec::new();
        };
        self.addresses[index] = Some(number);
        self.next_address = index + 1;
        // 250 to a subnet of 256: the first four and the last are AWS's own.
        let (subnet, host) = (index / 250, index % 250 + 4);
        let part = |number: usize| u8::try_from(number).unwrap_or(u8::MAX);
        let wide = |number: usize| u16::try_from(number).unwrap_or(u16::MAX);
        let v4 = Ipv4Addr::new(10, part(subnet / 256), part(subnet % 256), part(host));
        let v6 = Ipv6Addr::new(0xfd00, 0, 0, wide(subnet), 0, 0, 0, wide(host));
        let mut addresses = vec![IpAddr::V4(v4)];
        addresses.extend(ipv6.then_some(IpAddr::V6(v6)));
        addresses
    }

    fn take_machine(
        &mut self,
        definition: &TaskDefinitionFacts,
        number: usize,
        own_ports: bool,
        owners: &Owners,
        now: Timestamp,
    ) -> Result<Place, &'static str> {
        if self.machines.is_empty() {
            return Err("RESOURCE:CPU");
        }
        let count = self.machines.len();
        for step in 0..count {
            let index = (self.next_machine + step) % count;
            let machine = &mut self.machines[index];
            machine.held.retain(|(_, holder)| !is_over(owners, *holder, now));
            if let Some(ports) = machine.bind(definition, number, own_ports) {
                self.next_machine = index + 1;
                return Ok(Place::Machine { host: machine.host.clone(), ports });
            }
        }
        Err("RESOURCE:PORTS")
    }
}

impl Machine {
    fn bind(
        &mut self,
        definition: &TaskDefinitionFacts,
        number: usize,
        own_ports: bool,
    ) -> Option<Vec<Vec<PortBinding>>> {
        let mut bound = Vec::new();
        for container in &definition.containers {
            let mut bindings = Vec::new();
            for port in &container.ports {
                let host_port = if own_ports { self.own(*port) } else { self.dynamic() };
                let Some(host_port) = host_port else {
                    self.held.retain(|(_, holder)| *holder != number);
                    return None;
                };
                self.held.push((host_port, number));
                bindings.push(PortBinding { container_port: *port, host_port });
            }
            bound.push(bindings);
        }
        Some(bound)
    }

    fn own(&self, port: u16) -> Option<u16> {
        self.held.iter().all(|(held, _)| *held != port).then_some(port)
    }

    fn dynamic(&mut self) -> Option<u16> {
        let range = u16::MAX - FIRST_DYNAMIC_PORT;
        for _ in 0..range {
            let port = self.next_port;
            self.next_port = port.checked_add(1).unwrap_or(FIRST_DYNAMIC_PORT);
            if let Some(port) = self.own(port) {
                return Some(port);
            }
        }
        None
    }
}

fn is_over(owners: &Owners, holder: usize, now: Timestamp) -> bool {
    owners.task(holder).timeline.stopped().is_some_and(|stopped| stopped <= now)
}

fn instance_id(number: u16) -> String {
    format!("i-{number:017x}")
}
