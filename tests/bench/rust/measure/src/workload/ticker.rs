//! A timer of the kernel's that the runtime waits for. Tokio's own ends up to 1 ms late, which would be what W10
//! measures.

use std::time::Duration;

use anyhow::Result;

#[cfg(target_os = "linux")]
pub struct Ticker(tokio::io::unix::AsyncFd<std::os::fd::OwnedFd>);

#[cfg(target_os = "linux")]
impl Ticker {
    pub fn new(every: Duration) -> Result<Self> {
        use nix::sys::time::TimeSpec;
        use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
        let timer = TimerFd::new(ClockId::CLOCK_MONOTONIC, TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC)?;
        timer.set(Expiration::Interval(TimeSpec::from_duration(every)), TimerSetTimeFlags::empty())?;
        #[expect(unsafe_code, reason = "tokio wants a descriptor that stays what it is")]
        // SAFETY: the descriptor is owned by the registration, and closed with it.
        let timer = unsafe { tokio::io::unix::AsyncFd::register(std::os::fd::OwnedFd::from(timer))? };
        Ok(Self(timer))
    }

    /// Returns at the next tick, or at once where one has passed.
    pub async fn tick(&self) -> Result<()> {
        loop {
            let mut ready = self.0.readable().await?;
            let mut ticks = [0; 8];
            if ready.try_io(|timer| Ok(nix::unistd::read(timer, &mut ticks)?)).is_ok() {
                return Ok(());
            }
        }
    }
}

#[cfg(not(target_os = "linux"))]
pub struct Ticker(tokio::sync::Mutex<tokio::time::Interval>);

#[cfg(not(target_os = "linux"))]
impl Ticker {
    pub fn new(every: Duration) -> Result<Self> {
        Ok(Self(tokio::sync::Mutex::new(tokio::time::interval(every))))
    }

    pub async fn tick(&self) -> Result<()> {
        self.0.lock().await.tick().await;
        Ok(())
    }
}
