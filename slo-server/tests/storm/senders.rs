//! Two Alertmanagers that do not know of each other.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{task::JoinSet, time::sleep};

/// Groups of alerts; each is an incident.
pub(crate) const GROUPS: u32 = 250;
/// What happens in each: an alert, another one, the end of the first, the end of all.
const STORY: u32 = 4;
/// How often each of it is sent by each Alertmanager.
const REPEATS: u32 = 5;
/// How many posts are under way at once.
const AT_ONCE: u32 = 25;

/// What was answered.
#[derive(Debug, Default)]
pub(crate) struct Answered {
    /// Posts that were answered with 2xx, by incident.
    pub(crate) recorded: BTreeMap<u32, u64>,
    pub(crate) posts: u64,
    pub(crate) again: u64,
}

impl Answered {
    fn count(&mut self, group: u32, is_taken: bool) {
        if is_taken {
            self.posts += 1;
            *self.recorded.entry(group).or_default() += 1;
        } else {
            self.again += 1;
        }
    }
}

pub(crate) struct Senders {
    tasks: JoinSet<()>,
    answered: Arc<Mutex<Answered>>,
}

/// The key of a group.
pub(crate) fn group_key(group: u32) -> String {
    format!("{{}}:{{group=g{group}}}")
}

fn body(group: u32, chapter: u32) -> String {
    let key = group_key(group);
    let alert = |name: &str, status: &str, starts: &str, ends: &str| {
        format!(
            r#"{{"status": "{status}", "labels": {{"alertname": "{name}", "group": "g{group}", "service": "s{group}", "severity": "page"}},
            "annotations": {{"summary": "g{group} $(reboot) <!channel>"}}, "startsAt": "2026-11-23T06:{starts}Z", "endsAt": "{ends}"}}"#
        )
    };
    let open = "0001-01-01T00:00:00Z";
    let (first, second) = (alert("A", "firing", "00:00", open), alert("B", "firing", "01:00", open));
    let (first_end, second_end) = (
        alert("A", "resolved", "00:00", "2026-11-23T06:05:00Z"),
        alert("B", "resolved", "01:00", "2026-11-23T06:06:00Z"),
    );
    let alerts = match chapter {
        0 => first,
        1 => format!("{first}, {second}"),
        2 => format!("{first_end}, {second}"),
        _ => second_end,
    };
    let status = if chapter < 3 { "firing" } else { "resolved" };
    format!(
        r#"{{"version": "4", "groupKey": "{key}", "status": "{status}", "truncatedAlerts": 0, "alerts": [{alerts}]}}"#
    )
}

impl Senders {
    pub(crate) fn start(ports: Vec<u16>) -> Self {
        let answered: Arc<Mutex<Answered>> = Arc::default();
        let mut tasks = JoinSet::new();
        for sender in 0..2_u32 {
            for lane in 0..AT_ONCE {
                let (answered, port) = (Arc::clone(&answered), ports[sender as usize % ports.len()]);
                let mut random = fastrand::Rng::with_seed(fastrand::u64(..));
                tasks.spawn(async move {
                    let client = reqwest::Client::builder().pool_max_idle_per_host(1).build().unwrap();
                    let mut groups: Vec<u32> = (0..GROUPS).filter(|group| group % AT_ONCE == lane).collect();
                    random.shuffle(&mut groups);
                    for group in groups {
                        for chapter in 0..STORY {
                            for _ in 0..REPEATS {
                                // Now and then, one is late.
                                let late = chapter > 0 && random.u8(..) < 25;
                                let told = if late { chapter - 1 } else { chapter };
                                deliver(&client, port, group, &body(group, told), &answered, &mut random)
                                    .await;
                                sleep(Duration::from_millis(random.u64(..30))).await;
                            }
                        }
                    }
                });
            }
        }
        for group in 0..GROUPS {
            tasks.spawn(approve(ports[group as usize % ports.len()], group));
        }
        Self { tasks, answered }
    }

    /// Waits until everything was answered with 2xx.
    pub(crate) async fn finish(self) -> Answered {
        self.tasks.join_all().await;
        std::mem::take(&mut *self.answered.lock().unwrap())
    }
}

/// Sends one delivery until it is taken, as Alertmanager does; now and then it does not wait for the answer, and sends again.
async fn deliver(
    client: &reqwest::Client,
    port: u16,
    group: u32,
    body: &str,
    answered: &Mutex<Answered>,
    random: &mut fastrand::Rng,
) {
    loop {
        let cut_off = random.u8(..) < 8;
        let patience =
            if cut_off { Duration::from_millis(random.u64(1..6)) } else { Duration::from_secs(10) };
        let url = format!("http://127.0.0.1:{port}/alerts/alertmanager");
        let post = client
            .post(url)
            .header("content-type", "application/json")
            .body(body.to_owned())
            .timeout(patience);
        let status = post.send().await.map(|response| response.status());
        let is_taken = match status {
            Ok(status) if status.is_client_error() => panic!("{status} for {body}"),
            status => status.is_ok_and(|status| status.is_success()),
        };
        answered.lock().unwrap().count(group, is_taken);
        if is_taken {
            return;
        }
        sleep(Duration::from_millis(random.u64(5..60))).await;
    }
}

/// A person who approves what asks, until the incident is over.
async fn approve(port: u16, group: u32) {
    let client = reqwest::Client::new();
    let incident = slo_ops::alert::IncidentId::of_group(&group_key(group));
    let url = format!("http://127.0.0.1:{port}/api/v1/incidents/{incident}");
    for _ in 0..2_000 {
        let post = client.post(&url).header("content-type", "application/json");
        let post = post.body(r#"{"action": "approve", "step": "remedy"}"#).timeout(Duration::from_secs(2));
        if let Ok(response) = post.send().await {
            let (status, text) = (response.status(), response.text().await.unwrap_or_default());
            if status.is_success() || text.contains("is firing any more") {
                return;
            }
        }
        sleep(Duration::from_millis(100)).await;
    }
}
