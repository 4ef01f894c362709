//! The parts of a template's markets that are the same in every frame, escaped once.

use std::sync::{LazyLock, Mutex};

use oddsengine_markets::Template;

use super::json::{JsonBytes, fields};

/// Ready bytes of a template's markets.
pub struct TemplateText {
    bytes: Vec<u8>,
    /// Per market: start of `,"key":{`, start of its names, end of its names.
    markets: Vec<[u32; 3]>,
}

/// The text of a template, made once per process.
pub fn template_text(template: &'static Template) -> &'static TemplateText {
    static TEXTS: LazyLock<Mutex<Vec<Option<&'static TemplateText>>>> = LazyLock::new(Mutex::default);
    let mut texts = TEXTS.lock().expect("making a text does not panic");
    let index = template.id as usize;
    if texts.len() <= index {
        texts.resize(index + 1, None);
    }
    texts[index].get_or_insert_with(|| Box::leak(Box::new(TemplateText::new(template))))
}

impl TemplateText {
    fn new(template: &Template) -> Self {
        let mut text = Self { bytes: Vec::new(), markets: Vec::new() };
        for (index, market) in template.markets.iter().enumerate() {
            let start = text.bytes.len() as u32;
            text.bytes.push(b',');
            text.bytes.text(&market.key);
            text.bytes.put(b":{");
            let names = text.bytes.len() as u32;
            text.bytes.put(b"\"index\":");
            text.bytes.unsigned(index as u64);
            fields!(text.bytes;
                "first_selection": unsigned(market.first_selection.into()),
                "selections": list(market.selections(), |out, selection| out.text(&template.selections[selection].name)),
            );
            text.bytes.push(b',');
            text.markets.push([start, names, text.bytes.len() as u32]);
        }
        text
    }

    /// `,"1x2":{`
    #[inline]
    pub fn key(&self, market: usize) -> &[u8] {
        let [start, names, _] = self.markets[market];
        &self.bytes[start as usize..names as usize]
    }

    /// `,"1x2":{"index":0,"first_selection":0,"selections":["home","draw","away"],`
    #[inline]
    pub fn key_and_names(&self, market: usize) -> &[u8] {
        let [start, _, end] = self.markets[market];
        &self.bytes[start as usize..end as usize]
    }
}
