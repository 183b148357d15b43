//! A script from a seed. The Go host's tests draw the same: what changes here changes there.

use crate::random::Random;
use crate::script::{Call, Close, Command, Faults, How, Profile, Publish, Script, Shape, Step, Subscribe, Verb, Wait};

const WRITES: [&[usize]; 6] = [&[], &[], &[1, 1, 1, 5000], &[100, 0, 3000], &[0, 0, 20_000], &[7, 1, 4096, 60_000]];
const READS: [&[usize]; 5] = [&[], &[], &[1, 2, 3, 4000], &[0, 900], &[50, 1, 20_000]];
const SIZES: [usize; 9] = [0, 0, 0, 10, 100, 100, 3000, 5000, 100_000];
const HOWS: [How; 3] = [How::Reset, How::Deaf, How::Lost];
const MOST_SUBSCRIBERS: u64 = 4;

/// The script of a seed.
#[must_use]
pub fn generate(seed: u64) -> Script {
    let mut draw = Draw { random: Random::new(seed), calls: 0, subscribers: 0 };
    let random = &mut draw.random;
    let resp = random.pick(&[2, 3, 3]);
    let repeat = random.chance(20);
    let hold_above = random.pick(&[64, 4096]);
    let pass_above = random.pick(&[64, 16_384]);
    let links = random.pick(&[4, 8]);
    let count = random.below(6);
    let connections = (0..count).map(|_| draw.profile()).collect();
    let mut script = Script {
        name: format!("seed {seed}"),
        resp,
        repeat,
        hold_above,
        pass_above,
        links,
        connections,
        ..Script::default()
    };
    for _ in 0..3 + draw.random.below(10) {
        let step = draw.step();
        script.steps.push(step);
        if draw.random.chance(40) {
            script.steps.push(Step::Wait(Wait::Settled));
        }
    }
    if draw.random.chance(15) {
        let how = draw.random.pick(&[Close::Drain, Close::Now, Close::Drop]);
        script.steps.push(Step::Close(how));
        let step = draw.step();
        script.steps.push(step);
    }
    script
}

struct Draw {
    random: Random,
    calls: u64,
    subscribers: u64,
}

impl Draw {
    fn profile(&mut self) -> Profile {
        let refuse = self.random.chance(15);
        let writes = self.random.pick(&WRITES).to_vec();
        let reads = self.random.pick(&READS).to_vec();
        Profile { refuse, writes, reads, faults: self.faults() }
    }

    fn faults(&mut self) -> Faults {
        let how = self.random.pick(&HOWS);
        let mut faults = Faults { how, ..Faults::default() };
        match self.random.below(10) {
            0 | 1 => faults.stall_in = Some(self.place()),
            2 => faults.stall_out = Some(self.place()),
            3 | 4 => faults.cut_in = Some(self.place()),
            5 | 6 => faults.cut_out = Some(self.place()),
            7 => {
                faults.stall_in = Some(self.place());
                faults.cut_out = Some(self.place());
            }
            _ => {}
        }
        faults
    }

    fn place(&mut self) -> u64 {
        let range = self.random.pick(&[200, 2000, 120_000]);
        self.random.below(range)
    }

    fn step(&mut self) -> Step {
        match self.random.below(100) {
            0..48 => self.calls(),
            48..56 if self.subscribers < MOST_SUBSCRIBERS => self.subscribe(),
            48..68 => self.publish(),
            68..71 if self.subscribers > 0 => Step::Unsubscribe(1 + self.random.below(self.subscribers)),
            71..74 if self.subscribers > 0 => Step::Read(1 + self.random.below(self.subscribers)),
            74..82 => Step::Release(true),
            82..86 => Step::Cut(self.random.pick(&HOWS)),
            86..94 => Step::Arm(self.faults()),
            94..100 if self.calls > 0 => Step::Cancel(1 + self.random.below(self.calls)),
            _ => self.calls(),
        }
    }

    fn calls(&mut self) -> Step {
        let count = self.random.pick(&[1, 1, 2, 4]);
        Step::Calls((0..count).map(|_| self.call()).collect())
    }

    fn call(&mut self) -> Call {
        self.calls += 1;
        let id = self.calls;
        let shape = self.random.pick(&[Shape::Single, Shape::Single, Shape::Pipeline, Shape::Transaction]);
        let count = if shape == Shape::Single { 1 } else { 1 + self.random.below(5) };
        let commands: Vec<Command> = (0..count).map(|_| self.command(shape)).collect();
        let cancel_at = if self.random.chance(25) { Some(self.place()) } else { None };
        Call { id, shape, commands, cancel_at }
    }

    fn command(&mut self, shape: Shape) -> Command {
        let size = self.random.pick(&SIZES);
        match self.random.below(10) {
            0..4 => Command { verb: Verb::Push, size, count: 0 },
            4 | 5 => Command { verb: Verb::Echo, size, count: 0 },
            6 => Command { verb: Verb::Get, size, count: 0 },
            7 => Command { verb: Verb::Range, size: size.min(3000), count: self.random.below(8) as usize },
            8 if shape == Shape::Single => Command { verb: Verb::Pop, size, count: 0 },
            _ => Command { verb: Verb::Fail, size: 0, count: 0 },
        }
    }

    fn subscribe(&mut self) -> Step {
        self.subscribers += 1;
        let channel = self.random.pick(&["news", "weather"]).to_owned();
        let queue = self.random.pick(&[1, 3, 100]);
        let stops = self.random.chance(40);
        Step::Subscribe(Subscribe { id: self.subscribers, channel, queue, stops, dropped: None })
    }

    fn publish(&mut self) -> Step {
        let channel = self.random.pick(&["news", "weather"]).to_owned();
        let count = 1 + self.random.below(10);
        let size = self.random.pick(&[0, 100, 20_000]);
        Step::Publish(Publish { channel, count, size })
    }
}
